/** Where servers listen: addresses, sockets of the service manager, and what a server shows itself as. */
export { inheritedSockets, type InheritedSocket } from "./inherited-sockets.ts";
export { isLoopback, openListener, placesOf, type Place } from "./open-listener.ts";
export { ListenerIdentity, type ListenerIdentityOptions } from "./listener-identity.ts";
