/** The chat in a terminal, over TCP. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Discovery, Node } from "@hyparview/runtime"
import { Address, TcpConfig, TcpTransport } from "@hyparview/transport-tcp"
import { Duration, Effect, Layer, Option, Result } from "effect"
import { CliError, Command, Flag } from "effect/cli"
import { broadcast, chat } from "./chat.ts"
import { makeTerminal } from "./terminal.ts"

const isDialable = (text: string): boolean => {
  const address = Address.parse(text)
  return Result.isSuccess(address) && address.success.port !== 0
}

const flags = {
  nick: Flag.String("nick").pipe(Flag.withDescription("Your name, another one for everybody")),
  contact: Flag.String("contact").pipe(
    Flag.withDescription("host:port of somebody who is there already; may be given again"),
    Flag.filter(isDialable, () => "host:port, an IPv6 address in brackets, the port not 0"),
    Flag.between(0, 100)
  ),
  host: Flag.String("host").pipe(Flag.withDefault("127.0.0.1"), Flag.withDescription("Where to listen")),
  advertise: Flag.String("advertise").pipe(
    Flag.withDescription("Where others find this machine. Needed where --host is 0.0.0.0 or ::"),
    Flag.optional
  ),
  port: Flag.Int("port").pipe(Flag.withDefault(0), Flag.withDescription("0: any that is free")),
  history: Flag.Int("history").pipe(
    Flag.withDescription("Lines from before you came to ask for at once"),
    Flag.filter(
      (count) => count >= 0,
      () => "0 or more"
    ),
    Flag.withDefault(20)
  )
}

type Flags = Command.Command.Config.Infer<typeof flags>

const nodeOptions = ({ nick }: Flags) => ({ id: nick, cluster: "chat", broadcast })

const tcpOptions = ({ advertise, host, port }: Flags) => ({
  host,
  port,
  advertiseHost: Option.getOrUndefined(advertise)
})

/** Options that have flags of other names. */
const flagOf: Readonly<Record<string, string>> = { advertiseHost: "advertise", id: "nick" }

/** What is wrong with the options, by the flags that were given. */
const validate = (flags: Flags) =>
  Result.gen(function* () {
    yield* Node.resolve(nodeOptions(flags))
    yield* TcpConfig.make(tcpOptions(flags))
  }).pipe(
    Result.mapError((error) => {
      const message =
        "option" in error
          ? error.message.replace(error.option, `--${flagOf[error.option] ?? error.option}`)
          : error.message
      return new CliError.ValidationError({ message })
    }),
    Effect.fromResult
  )

const command = Command.make(
  "chat",
  flags,
  Effect.fnUntraced(
    function* (flags) {
      const NodeLive = Node.layer(nodeOptions(flags)).pipe(
        Layer.provide(TcpTransport.layer(tcpOptions(flags))),
        Layer.provide(Discovery.Discovery.layerNone)
      )
      const { isTerminal, ...terminal } = yield* makeTerminal
      // At a terminal somebody sees that nobody answers, and may leave.
      const patience = isTerminal ? Duration.infinity : "30 seconds"
      yield* chat({ contacts: flags.contact, history: flags.history, patience, ...terminal }).pipe(
        Effect.provide(NodeLive)
      )
    },
    Effect.scoped,
    // The error's message, and no stack trace: a port in use, a name used twice.
    Effect.mapError((cause) => new CliError.UserError({ cause }))
  )
).pipe(
  Command.validate(validate),
  Command.withDescription("A chat among terminals, without a server. Ctrl-C or Ctrl-D leaves.")
)

NodeRuntime.runMain(
  Command.run(command, { version: "0.0.0" }).pipe(
    // Wrong flags, which have been told.
    Effect.catchTag("ShowHelp", ({ errors }) =>
      Effect.sync(() => {
        process.exitCode = errors.length > 0 ? 2 : 0
      })
    ),
    Effect.provide(NodeServices.layer)
  )
)
