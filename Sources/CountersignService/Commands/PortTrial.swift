import NIOCore
import NIOPosix
package import ServiceConfiguration
import ServiceLifecycle

extension Configuration {
    /// Why `serve` could not listen at this moment, in its own words: each address is listened on for a moment.
    package func portWarnings() async -> [String] {
        var warnings: [String] = []
        for (name, address) in [("public", listen.public), ("operations", listen.operations)] {
            let trial = Listening(
                listener: BriefListener(address: address), address: address, place: places["listen.\(name)"])
            do { try await trial.run() } catch {
                warnings += StartUpError(error).problems.map { "\($0) If it is this service that runs, all is well." }
            }
        }
        return warnings
    }
}

/// Listens, and ends at once.
private struct BriefListener: Service {
    let address: HostPort

    func run() async throws {
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: address.host, port: address.port).get()
        try await channel.close()
    }
}
