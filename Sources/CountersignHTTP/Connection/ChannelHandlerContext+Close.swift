import Glibc
import NIOCore
import NIOSSL

extension ChannelHandlerContext {
    /// Closes the channel as its reason demands: with `close_notify` and time for the peer, or at once.
    func close(_ reason: CloseReason) {
        if reason.isAbrupt || !channel.isWritable { Self.reset(channel) }
        // Closing through the TLS handler would wait for the peer.
        let tls = try? pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        (reason.isPolite ? self : tls ?? self).close(promise: nil)
    }

    /// Makes the kernel drop what the peer does not read, which it would otherwise keep for minutes.
    private static func reset(_ channel: any Channel) {
        _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
    }
}
