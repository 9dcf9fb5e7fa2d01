/**
 * The reference of the broadcast benchmark: js-libp2p with its gossipsub, over its TCP transport and yamux.
 *
 * Everything is at its defaults but what follows. Nothing here slows it down: where a default is a limit against
 * strangers that meets every node of one host, it is lifted.
 *
 * * `secured`: noise, and signed messages (`StrictSign`), the defaults. Otherwise the plaintext encrypter and
 *   `StrictNoSign`.
 * * The score for nodes that share an address is off (`IPColocationFactorWeight` 0), and so are the limits of the
 *   connection manager on connections from one address; no mesh would form otherwise.
 * * There is no discovery to wait for: each node is given the addresses of 5 others, drawn at random, and dials
 *   them. Both ends use a connection, so a node has 10 links in the mean, and gossipsub chooses the `D` = 6 (4 to 12) of
 *   its mesh from them. With 10 nodes everybody is linked to nearly everybody.
 * * `identify` stands beside it because gossipsub learns from it who speaks its protocol.
 */
import { generateKeyPair } from "@libp2p/crypto/keys"
import { gossipsub, type GossipsubOpts, StrictNoSign, StrictSign } from "@libp2p/gossipsub"
import { identify } from "@libp2p/identify"
import { noise } from "@libp2p/noise"
import { plaintext } from "@libp2p/plaintext"
import { tcp } from "@libp2p/tcp"
import { yamux } from "@libp2p/yamux"
import { createLibp2p } from "libp2p"
import { Random } from "@hyparview/core"
import { type Contender, type Counts, type Mesh, type MeshOptions, topic } from "./mesh.ts"

/** How many others a node dials. */
const dials = 5

/** How many dials are under way at any time. */
const dialsAtOnce = 8

const makeKey = () => generateKeyPair("Ed25519")

type PrivateKey = Awaited<ReturnType<typeof makeKey>>

const startNode = (privateKey: PrivateKey, secured: boolean, options: Partial<GossipsubOpts>) =>
  createLibp2p({
    privateKey,
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [secured ? noise() : plaintext()],
    streamMuxers: [yamux()],
    connectionManager: { inboundConnectionThreshold: Infinity, maxIncomingPendingConnections: Infinity },
    services: { identify: identify(), pubsub: gossipsub(options) }
  })

type Started = Awaited<ReturnType<typeof startNode>>

/** What each node dials, in turns: everybody's first, then everybody's second, and so on. */
const drawDials = (nodes: number): ReadonlyArray<readonly [from: number, to: number]> => {
  const random = Random.seeded(1)
  const drawn = Array.from({ length: nodes }, () => new Set<number>())
  for (const [from, others] of drawn.entries()) {
    // In a small mesh there may not be so many that have not dialled this one already; all are linked then.
    for (let draw = 0; draw < 10 * nodes && others.size < dials; draw++) {
      const to = Random.nextBelow(random, nodes)
      if (to !== from && drawn[to]?.has(from) !== true) others.add(to)
    }
  }
  const turns = drawn.flatMap((others, from) => [...others].map((to, turn) => ({ from, to, turn })))
  return turns.toSorted((a, b) => a.turn - b.turn).map(({ from, to }) => [from, to] as const)
}

/** A bounded number at a time: all at once, on one processor, each would take so long that most time out. */
const dialOthers = async (started: ReadonlyArray<Started>): Promise<void> => {
  const waiting = drawDials(started.length).values()
  const dialOn = async (): Promise<void> => {
    for (const [from, to] of waiting) {
      const addresses = started[to]?.getMultiaddrs() ?? []
      await started[from]?.dial(addresses).catch((error: unknown) => {
        console.error(`gossipsub: node ${from} cannot dial ${to}: ${String(error)}`)
      })
    }
  }
  await Promise.all(Array.from({ length: dialsAtOnce }, dialOn))
}

const start = async ({ onMessage, secured }: MeshOptions, privateKeys: ReadonlyArray<PrivateKey>): Promise<Mesh> => {
  let copies = 0
  let deliveries = 0
  const options: Partial<GossipsubOpts> = {
    globalSignaturePolicy: secured ? StrictSign : StrictNoSign,
    scoreParams: { IPColocationFactorWeight: 0 },
    // Sees every payload that arrives and is signed as it must be, before duplicates are told apart.
    dataTransform: {
      inboundTransform: (_topic, payload) => {
        copies++
        return payload
      },
      outboundTransform: (_topic, payload) => payload
    }
  }
  const started = await Promise.all(privateKeys.map((privateKey) => startNode(privateKey, secured, options)))
  for (const [index, { services }] of started.entries()) {
    services.pubsub.addEventListener("message", ({ detail }) => {
      deliveries++
      onMessage(index, detail.data)
    })
    services.pubsub.subscribe(topic)
  }
  const connected = dialOthers(started)
  return {
    publish: (node, payload, refused) => {
      started[node]?.services.pubsub.publish(topic, payload).catch(refused)
    },
    counts: (): Counts => ({ copies, deliveries }),
    connected
  }
}

export const prepare = async (options: MeshOptions): Promise<Contender> => {
  const privateKeys = await Promise.all(Array.from({ length: options.nodes }, makeKey))
  return { start: () => start(options, privateKeys) }
}
