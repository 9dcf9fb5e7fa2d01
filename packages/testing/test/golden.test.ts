import { assert, describe, it } from "@effect/vitest"
import * as Golden from "@hyparview/testing/Golden"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"

/** A harness that executes nothing: it remembers what it was told, and holds two nodes that hold each other. */
const recording = (told: Array<string>): Golden.Harness => {
  const note = (line: string) => Effect.sync(() => void told.push(line))
  return {
    create: ({ config, latencyMillis, nodes, seed }) =>
      note(`create ${nodes} seed ${seed} latency ${latencyMillis} A ${config.activeSize}`),
    join: (node, contacts) => note(`join ${node} [${contacts.join()}]`),
    kill: (node) => note(`kill ${node}`),
    restart: (node, contacts) => note(`restart ${node} [${contacts.join()}]`),
    leave: (node) => (node === 2 ? Effect.fail("2 never leaves") : note(`leave ${node}`)),
    publish: (node, text) => note(`publish ${node} "${text}"`),
    advance: (millis) => note(`advance ${millis}`),
    views: Effect.succeed([
      { node: 2, up: true, active: [3, 1], passive: [] },
      { node: 1, up: true, active: [2], passive: [5, 4] },
      { node: 3, up: false, active: [], passive: [] }
    ]),
    deliveries: Effect.succeed([
      { node: 2, source: 1, text: "b" },
      { node: 1, source: 1, text: "b" },
      { node: 1, source: 1, text: "a" }
    ]),
    own: ({ args, name }) =>
      name === "shout" ? Effect.succeed([args.join(" ").toUpperCase()]) : Effect.fail(`unknown command: ${name}`),
    trace: Effect.succeed(["something happened"])
  }
}

const header = (drivers: "all" | "core") => `# A story\n# drivers: ${drivers}\n\n`

/** What a script's text becomes when it is run, and what the harness was told. */
const play = (text: string) =>
  Effect.gen(function* () {
    const told: Array<string> = []
    const script = yield* Effect.fromResult(Golden.parse(text))
    return { told, text: yield* Golden.run(script, recording(told)) }
  })

const errorOf = (text: string) => Effect.map(Effect.flip(play(text)), (error) => `${error._tag}, ${error.message}`)

describe("a golden script", () => {
  it.effect("keeps its prose word by word, and gets its output in place of what was expected", () =>
    Effect.gen(function* () {
      const text = `${header("all")}# Why.\nnodes 5\nviews\n----\nsomething\nelse\n\n\n# The end, without a line break.`
      const { text: result } = yield* play(text)
      const output = "1  active 2  passive 4 5\n2  active 1 3  passive -\n3  down"
      assert.strictEqual(result, text.replace("something\nelse", output))
      assert.strictEqual((yield* play(result)).text, result)
    })
  )

  it.effect("has no output beneath a block that prints nothing", () =>
    Effect.gen(function* () {
      const { text } = yield* play(`${header("all")}nodes 5\njoin 1\n----\nold output\n\nsettle\n`)
      assert.strictEqual(text, `${header("all")}nodes 5\njoin 1\n\nsettle\n`)
    })
  )

  it.effect("tells its harness what its commands say", () =>
    Effect.gen(function* () {
      const { told } = yield* play(
        `${header("all")}nodes 7 seed=9 latency=2s activeSize=3\njoin 1\njoin 2 1 3\nkill 3 4\nleave 1\n` +
          "restart 4 2\npublish 1 hello  world\nadvance 250ms\nadvance 1h\nsettle\n"
      )
      assert.deepStrictEqual(told, [
        "create 7 seed 9 latency 2000 A 3",
        "join 1 []",
        "join 2 [1,3]",
        "kill 3",
        "kill 4",
        "leave 1",
        "restart 4 [2]",
        'publish 1 "hello world"',
        "advance 250",
        "advance 3600000",
        "advance 300000"
      ])
    })
  )

  it.effect("takes every kind of value that the config has", () =>
    Effect.gen(function* () {
      const { told } = yield* play(
        `${header("all")}nodes 5 cycleJitter=0.5 repairBackoffMillis=5..10 admissionPerPeer=2/30 heartbeatMillis=0\n`
      )
      assert.deepStrictEqual(told, ["create 5 seed 1 latency 10 A 5"])
    })
  )

  it.effect("prints views, the graph and deliveries in an order that does not depend on the harness", () =>
    Effect.gen(function* () {
      const { text } = yield* play(`${header("all")}nodes 5 activeSize=2\nviews 2 3\ngraph\ndeliveries\n`)
      assert.deepStrictEqual(text.split("\n").slice(8), [
        "2  active 1 3  passive -",
        "3  down",
        "2 nodes, 1 component, 0 one-sided links, 1 link to the dead",
        "1 neighbour: 2 nodes",
        '"a" of 1: 1',
        '"b" of 1: 1 2',
        ""
      ])
    })
  )

  it.effect("prints what happened after each command where it is for the bare core, and there only", () =>
    Effect.gen(function* () {
      const core = yield* play(`${header("core")}nodes 5\nshout who is there\n`)
      assert.deepStrictEqual(core.text.split("\n").slice(5), [
        "----",
        "something happened",
        "something happened",
        "WHO IS THERE",
        ""
      ])
      const all = yield* play(`${header("all")}nodes 5\njoin 1\n`)
      assert.notInclude(all.text, "something happened")
    })
  )

  it("says who may run it, and what it is called", () => {
    const script = Result.getOrThrow(Golden.parse(header("core")))
    assert.deepStrictEqual([script.title, script.drivers], ["A story", "core"])
  })

  it.effect("with a mistake says where it is", () =>
    Effect.gen(function* () {
      const body = (commands: string) => errorOf(`${header("all")}${commands}\n`)
      assert.deepStrictEqual(
        yield* Effect.all([
          errorOf("nodes 5\n"),
          errorOf("# A story\n\nnodes 5\n"),
          errorOf(`${header("all")}----\n`),
          body("views"),
          body("nodes 0"),
          body("nodes 5\nnodes 5"),
          body("nodes 5 speed=3"),
          body("nodes 5 activeSize=99"),
          body("nodes 5 repairBackoffMillis=3"),
          body("nodes 5 activeSize"),
          body("nodes 5\njoin 6"),
          body("nodes 5\njoin"),
          body("nodes 5\nadvance soon"),
          body("nodes 5\ndance"),
          body("nodes 5\n\n\nleave 2")
        ]),
        [
          "GoldenError, line 1: the first line is the title: `# …`",
          "GoldenError, line 1: the first comment says `# drivers: all` or `# drivers: core`",
          "GoldenError, line 4: output without a command",
          "GoldenError, line 4: the first command is `nodes`",
          "GoldenError, line 4: 0 is no number of nodes",
          "GoldenError, line 5: `nodes` stands once, at the beginning",
          "GoldenError, line 4: no such field of the config, or not such a value: 5 speed=3",
          "GoldenError, line 4: activeSize is 99: expected a whole number from 1 to 30",
          "GoldenError, line 4: no such field of the config, or not such a value: 5 repairBackoffMillis=3",
          "GoldenError, line 4: activeSize is no option: name=value",
          "GoldenError, line 5: 6 is no node from 1 to 5",
          "GoldenError, line 5: a node is missing",
          "GoldenError, line 5: soon is no duration",
          "GoldenError, line 5: unknown command: dance",
          "GoldenError, line 7: 2 never leaves"
        ]
      )
    })
  )
})
