/** How a live node reaches the others: TCP, or mutual TLS where it has a certificate. */
import type { Transport, TransportError } from "@hyparview/runtime/Transport"
import * as Address from "@hyparview/transport-tcp/Address"
import type { TcpConfigError } from "@hyparview/transport-tcp/TcpConfig"
import * as TcpTransport from "@hyparview/transport-tcp/TcpTransport"
import type { CertificateError } from "@hyparview/transport-tcp/TlsConfig"
import * as TlsTransport from "@hyparview/transport-tcp/TlsTransport"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { Settings } from "./fields.ts"

/** An address that has been checked. */
export const parsed = (address: string): Address.Address => Result.getOrThrow(Address.parse(address))

/** Whether links are authenticated and encrypted. */
export const isSecured = (settings: Settings): boolean => settings.tlsCert !== undefined

export const layer = (
  settings: Settings
): Layer.Layer<Transport, TransportError | TcpConfigError | CertificateError> => {
  const { advertise, cluster, id, listen, tlsCa, tlsCert, tlsKey } = settings
  const others = advertise === undefined ? undefined : parsed(advertise)
  const tcp = { ...parsed(listen), advertiseHost: others?.host, advertisePort: others?.port }
  return tlsCa === undefined || tlsCert === undefined || tlsKey === undefined
    ? TcpTransport.layer(tcp)
    : TlsTransport.layer({ ...tcp, id, cluster, cert: tlsCert, key: tlsKey, ca: tlsCa })
}
