/**
 * Looks after the certificate files, for the life of the scope: what has changed is loaded, checked, and put to use;
 * what cannot be used is reported, once, and tried again, and what was in use before stays. Says when the certificate in
 * use is about to expire.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as Schedule from "effect/Schedule"
import * as TlsMetrics from "../TlsMetrics.ts"
import type { Credentials, Sources } from "./credentials.ts"
import { load, stamps } from "./credentials.ts"

/** A certificate that has less of its life left than this should have been followed by another one. */
const lastShare = 0.1

/** How often the expiry is looked at where the files are not. */
const watchMillis = 30_000

const loaded = Metric.withAttributes(TlsMetrics.reloads, { outcome: "loaded" })
const failed = Metric.withAttributes(TlsMetrics.reloads, { outcome: "failed" })

/** Where in a certificate's life this machine's clock stands. A clock may be set wrong, and right again. */
type Stage = "early" | "valid" | "near" | "past"

const stageOf = ({ notAfterMillis, notBeforeMillis }: Credentials, nowMillis: number): Stage => {
  if (nowMillis < notBeforeMillis) return "early"
  const leftMillis = notAfterMillis - nowMillis
  if (leftMillis <= 0) return "past"
  return leftMillis <= lastShare * (notAfterMillis - notBeforeMillis) ? "near" : "valid"
}

/** Gives the expiry to the metric, and says once for each certificate, and each time that it comes to be so, that it is near or past. */
const makeExpiryWatch = () => {
  let told: { readonly credentials: Credentials; readonly stage: Stage } | undefined
  return Effect.fnUntraced(function* (credentials: Credentials) {
    const { name, notAfterMillis, notBeforeMillis } = credentials
    yield* Metric.update(TlsMetrics.certificateExpiry, Math.floor(notAfterMillis / 1_000))
    const stage = stageOf(credentials, yield* Clock.currentTimeMillis)
    if (told?.credentials === credentials && told.stage === stage) return
    told = { credentials, stage }
    const about = { id: name.id, expires: new Date(notAfterMillis).toISOString() }
    switch (stage) {
      case "valid":
        return
      case "near":
        return yield* Effect.logWarning("this node's certificate is about to expire; peers will refuse it then", about)
      case "past":
        return yield* Effect.logError("this node's certificate has expired; peers refuse it for new links", about)
      case "early": {
        const begins = new Date(notBeforeMillis).toISOString()
        const said =
          "this node's certificate is not valid yet by this machine's clock, which is probably wrong; peers may be refused"
        return yield* Effect.logError(said, { ...about, begins })
      }
    }
  })
}

export const renew = Effect.fnUntraced(function* (options: {
  readonly sources: Sources
  /** How the files were when `first` was loaded, or before. */
  readonly stamp: string
  /** Its name is the node's, whoever later files name. */
  readonly first: Credentials
  /** Undefined: the files are left alone, and only the expiry is watched. */
  readonly everyMillis: number | undefined
  readonly use: (credentials: Credentials) => void
}) {
  const { everyMillis, first, sources, use } = options
  const watchExpiry = makeExpiryWatch()
  let current = first
  let stamp = options.stamp
  /** The failure that was reported last and is not over yet. What ends it may leave no trace on the files: time does. */
  let failing: string | undefined
  const lookAtFiles = Effect.gen(function* () {
    const seen = yield* stamps(sources)
    if (seen !== stamp || failing !== undefined) {
      stamp = seen
      yield* Effect.matchEffect(load(sources, first.name), {
        onFailure: (error) => {
          const failure = `${seen}\n${error.message}`
          if (failure === failing) return Effect.void
          failing = failure
          return Effect.andThen(
            Metric.update(failed, 1),
            Effect.logError("the certificate files have changed and cannot be used; the ones before stay in use", {
              option: error.option,
              reason: error.reason,
              detail: error.message
            })
          )
        },
        onSuccess: (credentials) =>
          Effect.gen(function* () {
            failing = undefined
            use(credentials)
            current = credentials
            yield* Metric.update(loaded, 1)
            yield* Effect.logInfo("new certificates are in use for new links", {
              id: credentials.name.id,
              expires: new Date(credentials.notAfterMillis).toISOString()
            })
          })
      })
    }
  })
  const watch = Effect.suspend(() => watchExpiry(current))
  const look = everyMillis === undefined ? watch : Effect.andThen(lookAtFiles, watch)
  yield* watch
  yield* Effect.forkScoped(Effect.schedule(look, Schedule.spaced(everyMillis ?? watchMillis)))
})
