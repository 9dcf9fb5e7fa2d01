/** Who may ask a server of this machine: the same for the page and for a node's admin side, but for what each allows. */
import { assert, describe, it } from "@effect/vitest"
import { ServerGuard } from "@hyparview/dashboard"
import * as Headers from "effect/http/Headers"

const page: ServerGuard.Rules = {
  isOwnHost: (host) => host === "localhost:1",
  ownOrigins: ["http://localhost:1"],
  mayBeLinkedTo: true
}

/** A server without pages, such as a node's admin side. */
const bare: ServerGuard.Rules = { ...page, ownOrigins: [], mayBeLinkedTo: false }

const asked = (headers: Readonly<Record<string, string>>) => Headers.fromInput({ host: "LOCALHOST:1", ...headers })

const cases: ReadonlyArray<
  readonly [headers: Readonly<Record<string, string>>, ofPage: string | undefined, ofBare: string | undefined]
> = [
  [{}, undefined, undefined],
  [{ host: "" }, "ForeignHost", "ForeignHost"],
  [{ host: "localhost:1.evil.example" }, "ForeignHost", "ForeignHost"],
  [{ origin: "http://localhost:1", "sec-fetch-site": "same-origin" }, undefined, "ForeignOrigin"],
  [{ origin: "null" }, "ForeignOrigin", "ForeignOrigin"],
  [{ "sec-fetch-site": "none" }, undefined, undefined],
  [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, undefined, "ForeignOrigin"],
  [{ "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, "ForeignOrigin", "ForeignOrigin"],
  [
    { origin: "http://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" },
    "ForeignOrigin",
    "ForeignOrigin"
  ]
]

describe("the guard of a server", () => {
  it.each(cases)("knows where a request comes from: %o", (headers, ofPage, ofBare) => {
    assert.strictEqual(ServerGuard.foreignness(asked(headers), page), ofPage)
    assert.strictEqual(ServerGuard.foreignness(asked(headers), bare), ofBare)
  })

  it("takes the token alone, as a bearer's", () => {
    const token = ServerGuard.makeToken()
    for (const authorization of [`Bearer ${token}`, `bearer  ${token}`]) {
      assert.isTrue(ServerGuard.bearsToken(asked({ authorization }), token))
    }
    for (const authorization of ["", token, "Bearer", "Bearer ", `Basic ${token}`, `Bearer ${token} x`]) {
      assert.isFalse(ServerGuard.bearsToken(asked({ authorization }), token))
    }
    assert.isFalse(ServerGuard.bearsToken(asked({}), token))
    assert.isFalse(ServerGuard.bearsToken(asked({ authorization: "Bearer" }), ""))
  })
})
