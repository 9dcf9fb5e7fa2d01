import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type { TcpOptions } from "@hyparview/transport-tcp/TcpConfig"
import * as TcpConfig from "@hyparview/transport-tcp/TcpConfig"

describe("a configuration", () => {
  it("has a default for everything", () => {
    assert.deepStrictEqual(
      TcpConfig.make({}),
      Result.succeed({
        host: "127.0.0.1",
        port: 0,
        advertiseHost: undefined,
        advertisePort: undefined,
        maxFrameBytes: 1024 * 1024,
        maxLinks: 1024,
        maxHandshakes: 256,
        handshakeTimeoutMillis: 5_000,
        dialTimeoutMillis: 5_000,
        closeTimeoutMillis: 5_000,
        receiveLimitBytes: 256 * 1024,
        noDelay: true,
        keepAliveMillis: 60_000
      })
    )
  })

  it("takes durations in any form, and keeps handshakes below links", () => {
    const config = Result.getOrThrow(
      TcpConfig.make({ dialTimeout: "1 minute", closeTimeout: 250, keepAlive: false, maxLinks: 10 })
    )
    assert.deepInclude(config, {
      dialTimeoutMillis: 60_000,
      closeTimeoutMillis: 250,
      keepAliveMillis: 0,
      maxLinks: 10,
      maxHandshakes: 10
    })
  })

  it("may listen everywhere if it says where others find it", () => {
    assert.isTrue(Result.isSuccess(TcpConfig.make({ host: "0.0.0.0", advertiseHost: "node-7.example" })))
  })

  it("may listen on whatever stands for one host", () => {
    for (const host of ["::1", "::ffff:127.0.0.1", "fe80::1%eth0", "0.0.0.1", "zero", "0x0.example", "a_b"]) {
      assert.isTrue(Result.isSuccess(TcpConfig.make({ host })), host)
    }
  })

  const wrong: ReadonlyArray<readonly [keyof TcpOptions, TcpOptions]> = [
    ["host", { host: "" }],
    ["host", { host: "a b" }],
    ["host", { host: "[::1]" }],
    ["port", { port: 65536 }],
    ["port", { port: -1 }],
    ["port", { port: 1.5 }],
    ["port", { port: NaN }],
    ["advertiseHost", { host: "0.0.0.0" }],
    ["advertiseHost", { host: "::" }],
    ["advertiseHost", { advertiseHost: "::" }],
    ...["::0", "0::", "::0.0.0.0", "::ffff:0.0.0.0", "::%lo", "0x0", "0X00.0x0"].flatMap(
      (host): ReadonlyArray<readonly [keyof TcpOptions, TcpOptions]> => [
        ["advertiseHost", { host }],
        ["advertiseHost", { advertiseHost: host }]
      ]
    ),
    ["host", { host: "0" }],
    ["host", { host: "0.0" }],
    ["advertiseHost", { advertiseHost: "http://x" }],
    ["advertiseHost", { advertiseHost: `${`${"x".repeat(60)}.`.repeat(4)}example` }],
    ["advertisePort", { advertisePort: 0 }],
    ["maxFrameBytes", { maxFrameBytes: 0 }],
    ["maxFrameBytes", { maxFrameBytes: 2 ** 31 }],
    ["maxLinks", { maxLinks: 0 }],
    ["maxHandshakes", { maxLinks: 5, maxHandshakes: 6 }],
    ["handshakeTimeout", { handshakeTimeout: 0 }],
    ["dialTimeout", { dialTimeout: "2 days" }],
    ["dialTimeout", { dialTimeout: Infinity }],
    ["closeTimeout", { closeTimeout: -5 }],
    ["receiveLimitBytes", { receiveLimitBytes: 0 }],
    ["keepAlive", { keepAlive: 10 }]
  ]
  const untyped: ReadonlyArray<readonly [options: object, message: string]> = [
    [{ host: 5 }, "host: 5 is neither an IP address nor a host name (IPv6 stands here without brackets)"],
    [{ advertiseHost: 5n }, "advertiseHost: 5n is neither"],
    [{ port: "7946" }, 'port: "7946" is not a whole number from 0 to 65535'],
    [{ maxLinks: 5n }, "maxLinks: 5n is not a whole number from 1 to 1000000"],
    [{ port: { toString: () => assert.fail("not to be shown") } }, "port: [toString threw] is not a whole number"],
    [{ dialTimeout: "soon" }, 'dialTimeout: "soon" is not a duration from 1 millisecond to a day'],
    [{ closeTimeout: Duration.days(2) }, "closeTimeout: 172800000 millis is not a duration"],
    [{ keepAlive: true }, "keepAlive: true is not a duration from 1000 milliseconds to a day"],
    [{ noDelay: "no" }, 'noDelay: "no" is neither true nor false'],
    [{ maxLink: 5 }, "maxLink: there is no such option. Options are host, port, advertiseHost, "],
    [["127.0.0.1"], 'options: ["127.0.0.1"] is not an object of options']
  ]
  it.each(untyped)("is refused with its value, whatever that is: %#", (options, message) => {
    assert.include(Result.getOrThrow(Result.flip(TcpConfig.make(options))).message, message)
  })

  for (const [option, options] of wrong) {
    it(`is refused for its ${option}: ${JSON.stringify(options)}`, () => {
      const error = Result.getOrThrow(Result.flip(TcpConfig.make(options)))
      assert.strictEqual(error._tag, "TcpConfigError")
      assert.strictEqual(error.option, option)
      assert.include(error.message, option)
    })
  }
})
