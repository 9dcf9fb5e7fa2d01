import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Address from "@hyparview/transport-tcp/Address"

describe("an address", () => {
  const valid: ReadonlyArray<readonly [string, string, number]> = [
    ["127.0.0.1:7946", "127.0.0.1", 7946],
    ["[::1]:7946", "::1", 7946],
    ["[2001:db8::7]:1", "2001:db8::7", 1],
    ["[fe80::1%eth0]:65535", "fe80::1%eth0", 65535],
    ["localhost:0", "localhost", 0],
    ["node-7.example.org:7946", "node-7.example.org", 7946],
    ["node-7.example.org.:7946", "node-7.example.org.", 7946],
    ["my_service:80", "my_service", 80],
    ["xn--bcher-kva.example:80", "xn--bcher-kva.example", 80]
  ]
  for (const [text, host, port] of valid) {
    it(`is read from ${text} and written back`, () => {
      const address = Address.parse(text)
      assert.deepStrictEqual(address, Result.succeed({ host, port }))
      assert.strictEqual(Result.getOrThrow(Result.map(address, Address.format)), text)
    })
  }

  it("stands for all of a machine in many spellings, and for one host in all others", () => {
    for (const host of [
      "0.0.0.0",
      "::",
      "0:0:0:0:0:0:0:0",
      "0::",
      "::0.0.0.0",
      "::ffff:0:0",
      "::%lo",
      "0x0",
      "0",
      "0.0"
    ]) {
      assert.isTrue(Address.isWildcard(host), host)
    }
    for (const host of ["127.0.0.1", "::1", "::ffff:127.0.0.1", "fe80::%eth0", "0x1", "localhost", "a_b", "a b", ""]) {
      assert.isFalse(Address.isWildcard(host), host)
    }
  })

  const invalid: ReadonlyArray<readonly [string, string]> = [
    ["", "no port"],
    ["7946", "no port"],
    ["127.0.0.1", "no port"],
    [":7946", "no host"],
    ["127.0.0.1:", "the port"],
    ["127.0.0.1:65536", "the port"],
    ["127.0.0.1:07", "the port"],
    ["127.0.0.1:-1", "the port"],
    ["127.0.0.1:1e3", "the port"],
    ["127.0.0.1: 80", "the port"],
    ["127.0.0.1:80 ", "the port"],
    ["::1:7946", "brackets"],
    ["[::1]", "the port"],
    ["[127.0.0.1]:80", "brackets"],
    ["[]:80", "brackets"],
    ["256.0.0.1:80", "neither"],
    ["1.2.3:80", "neither"],
    ["a b:80", "neither"],
    ["-a:80", "neither"],
    ["a..b:80", "neither"],
    ["http://a:80", "brackets"],
    [`${"a".repeat(64)}:80`, "neither"],
    [`${"a.".repeat(200)}a:80`, "too long"]
  ]
  for (const [text, detail] of invalid) {
    it(`is not read from ${JSON.stringify(text.slice(0, 40))}: ${detail}`, () => {
      const error = Result.getOrThrow(Result.flip(Address.parse(text)))
      assert.strictEqual(error._tag, "AddressError")
      assert.include(error.detail, detail)
    })
  }

  it.prop(
    "written and read is the same, whatever the host and port",
    {
      parts: Arbitrary.schema(
        Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65535 }))).check(
          Schema.isMinLength(9),
          Schema.isMaxLength(9)
        )
      )
    },
    ({ parts }) => {
      const [port = 0, ...segments] = parts
      const hosts = [
        segments.map((segment) => segment.toString(16)).join(":"),
        segments
          .slice(0, 4)
          .map((segment) => segment % 256)
          .join("."),
        segments.map((segment) => `n${segment}`).join(".")
      ]
      for (const host of hosts) {
        assert.deepStrictEqual(Address.parse(Address.format({ host, port })), Result.succeed({ host, port }))
      }
    }
  )

  it.prop(
    "of any text is an address or an error, and an address is written as it was read",
    { text: Schema.String },
    ({ text }) => {
      for (const candidate of [text, `${text}:80`, `[${text}]:80`]) {
        const address = Address.parse(candidate)
        if (Result.isSuccess(address)) assert.strictEqual(Address.format(address.success), candidate)
      }
    }
  )
})
