/**
 * What an application may ask for with options of the broadcast and of its topics: looked at as a node's own are, since a
 * misspelt `history` would be a subscriber without any. Types tell whoever has them; so a fault is a mistake in the
 * program, and not among the errors that one handles.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { TopicOptions, ValidateOptions } from "../Topic.ts"
import type { PublishOptions, SubscribeOptions, Verdict } from "./messages.ts"
import { OptionsError } from "./settings.ts"
import { checkerOf, type Fault, unless } from "./strangeness.ts"

export const dieOf = (fault: Fault): Effect.Effect<never> => Effect.suspend(() => Effect.die(new OptionsError(fault)))

const oneOf = <A extends string>(...values: ReadonlyArray<A>) =>
  unless<A>((value) => values.includes(value), values.join(" or "))

/** Of what is outside its bounds the nearer one counts: no number is near to any. */
const number = unless<number>((value) => Predicate.isNumber(value) && !Number.isNaN(value), "a number")

const verdicts = ["accept", "reject", "ignore"] as const satisfies ReadonlyArray<Verdict>

export const isVerdict = (value: unknown): value is Verdict => verdicts.some((verdict) => verdict === value)

export const publishFault = checkerOf<PublishOptions>({ whenFull: oneOf("fail", "wait") })

export const subscribeFault = checkerOf<SubscribeOptions>({
  order: oneOf("none", "source"),
  history: number,
  buffer: number
})

export const topicFault = checkerOf<TopicOptions>({ encoding: oneOf("json", "bytes") })

export const validateFault = checkerOf<ValidateOptions>({ undecodable: oneOf(...verdicts) })
