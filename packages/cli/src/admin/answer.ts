/** What the admin server answers with. */
import * as HttpServerResponse from "effect/http/HttpServerResponse"

type Answer = HttpServerResponse.HttpServerResponse

/** No answer is worth keeping, none is to be guessed at, and no page of another origin is to have any. */
export const commonHeaders = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin"
}

/** What JSON has no word for is null. */
export const json = (body: object, status = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  HttpServerResponse.text(`${JSON.stringify(body, (_, value: unknown) => (value === undefined ? null : value))}\n`, {
    status,
    contentType: "application/json",
    headers: { ...commonHeaders, ...headers }
  })

export const problem = (
  status: number,
  error: string,
  more: object = {},
  headers: Readonly<Record<string, string>> = {}
): Answer => json({ error, ...more }, status, headers)
