/** The chat in a terminal, over TCP. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Discovery, Node } from "@hyparview/runtime"
import { TcpTransport } from "@hyparview/transport-tcp"
import { Duration, Effect, Layer, Option } from "effect"
import { Command, Flag } from "effect/cli"
import { broadcast, chat } from "./chat.ts"
import { makeTerminal } from "./terminal.ts"

const command = Command.make(
  "chat",
  {
    nick: Flag.String("nick").pipe(Flag.withDescription("Your name, another one for everybody")),
    contact: Flag.String("contact").pipe(
      Flag.withDescription("host:port of somebody who is there already; may be given again"),
      Flag.between(0, 100)
    ),
    host: Flag.String("host").pipe(Flag.withDefault("127.0.0.1"), Flag.withDescription("Where to listen")),
    advertise: Flag.String("advertise").pipe(
      Flag.withDescription("Where others find this machine. Needed where --host is 0.0.0.0 or ::"),
      Flag.optional
    ),
    port: Flag.Int("port").pipe(Flag.withDefault(0), Flag.withDescription("0: any that is free")),
    history: Flag.Int("history").pipe(
      Flag.withDefault(20),
      Flag.withDescription("Lines from before you came to ask for at once")
    )
  },
  ({ advertise, contact, history, host, nick, port }) => {
    const advertised = Option.match(advertise, { onNone: () => ({}), onSome: (advertiseHost) => ({ advertiseHost }) })
    const NodeLive = Node.layer({
      id: nick,
      cluster: "chat",
      broadcast
    }).pipe(
      Layer.provide(TcpTransport.layer({ host, port, ...advertised })),
      Layer.provide(Discovery.Discovery.layerNone)
    )
    return Effect.gen(function* () {
      const { isTerminal, ...terminal } = yield* makeTerminal
      // At a terminal somebody sees that nobody answers, and may leave.
      const patience = isTerminal ? Duration.infinity : "30 seconds"
      yield* chat({ contacts: contact, history, patience, ...terminal }).pipe(Effect.provide(NodeLive))
    }).pipe(Effect.scoped)
  }
).pipe(Command.withDescription("A chat among terminals, without a server. Ctrl-C or Ctrl-D leaves."))

NodeRuntime.runMain(Command.run(command, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer)))
