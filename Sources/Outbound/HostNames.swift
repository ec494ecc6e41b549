import BlockingWork
import Glibc
package import NIOCore
import NIOPosix

/// Looks host names up on threads that do nothing else, one for each name at a time. NIO's own resolver has one thread for
/// each event loop, where a name server that does not answer for one host keeps all other hosts waiting.
package final class HostNames: Sendable {
    package static let system = HostNames(lookUp: addresses)

    private let lookUp: @Sendable (_ host: String) throws -> [SocketAddress]
    private let reads = BlockingReads<Result<[SocketAddress], any Error>>()

    /// - Parameter lookUp: the addresses of a host, with port 0; may block for as long as it likes.
    package init(lookUp: @escaping @Sendable (_ host: String) throws -> [SocketAddress]) {
        self.lookUp = lookUp
    }

    fileprivate func addresses(of host: String, within limit: Duration) async throws -> [SocketAddress] {
        let result = await reads.value(of: host, within: limit) { [lookUp] in Result { try lookUp(host) } }
        return try result?.get() ?? []
    }

    /// As the system knows them (`getaddrinfo`).
    private static func addresses(_ host: String) throws -> [SocketAddress] {
        var hint = addrinfo()
        hint.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hint, &first) == 0 else { throw OutboundFault.unknownHost }
        defer { freeaddrinfo(first) }
        return sequence(first: first) { $0?.pointee.ai_next }.prefix { $0 != nil }.compactMap { entry in
            guard let address = entry?.pointee.ai_addr else { return nil }
            return switch CInt(address.pointee.sa_family) {
            case AF_INET: SocketAddress(UnsafeRawPointer(address).load(as: sockaddr_in.self), host: host)
            case AF_INET6: SocketAddress(UnsafeRawPointer(address).load(as: sockaddr_in6.self), host: host)
            default: nil
            }
        }
    }
}

extension HostNames {
    /// For one connection.
    func resolver(on eventLoop: any EventLoop, within limit: Duration) -> some Resolver & Sendable {
        Lookup(
            names: self, limit: limit, eventLoop: eventLoop, version4: eventLoop.makePromise(),
            version6: eventLoop.makePromise())
    }

    private struct Lookup: Resolver, Sendable {
        let names: HostNames
        let limit: Duration
        let eventLoop: any EventLoop
        let version4: EventLoopPromise<[SocketAddress]>
        let version6: EventLoopPromise<[SocketAddress]>

        /// Both come from one look-up, which the other query begins.
        func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { version4.futureResult }

        func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
            Task {
                let result: Result<[SocketAddress], any Error>
                do {
                    var addresses = try await names.addresses(of: host, within: limit)
                    for index in addresses.indices { addresses[index].port = port }
                    result = .success(addresses)
                } catch { result = .failure(error) }
                eventLoop.execute { finish(with: result) }
            }
            return version6.futureResult
        }

        func cancelQueries() {}

        private func finish(with result: Result<[SocketAddress], any Error>) {
            version6.completeWith(result.map { $0.filter { $0.protocol == .inet6 } })
            version4.completeWith(result.map { $0.filter { $0.protocol == .inet } })
        }
    }
}
