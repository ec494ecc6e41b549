import Glibc
import NIOCore
package import ServiceConfiguration
package import ServiceLifecycle

/// A listener that says, in an operator's words, why it cannot listen on its address.
package struct Listening<Listener: Service>: Service {
    private let listener: Listener
    private let address: HostPort
    private let place: ConfigurationPlace

    /// - Parameter place: where the configuration names the address.
    package init(listener: Listener, address: HostPort, place: ConfigurationPlace) {
        self.listener = listener
        self.address = address
        self.place = place
    }

    /// - Throws: ``StartUpError`` if the address cannot be used.
    package func run() async throws {
        do { try await listener.run() } catch is CancellationError { throw CancellationError() } catch {
            throw StartUpError(problem(error))
        }
    }

    private func problem(_ error: any Error) -> ConfigurationProblem {
        switch error {
        case let error as IOError: problem(errno: error.errnoCode)
        case is SocketAddressError, is SocketAddressError.UnknownHost:
            place.problem(
                expected: "an address of this machine", found: "\(address), whose name cannot be resolved",
                remedy: "Use an IP address: 0.0.0.0 or [::] for all of them.")
        default: place.problem(expected: "an address to listen on", found: "\(address): \(type(of: error))")
        }
    }

    private func problem(errno code: CInt) -> ConfigurationProblem {
        switch code {
        case EADDRINUSE:
            place.problem(
                expected: "an address that no program listens on", found: "\(address) in use",
                remedy: "End the program that has it (`ss -ltnp` names it), or choose another port.")
        case EADDRNOTAVAIL:
            place.problem(
                expected: "an address of this machine", found: "\(address), which is none",
                remedy: "Use one that `ip address` shows, or 0.0.0.0 or [::] for all of them.")
        case EACCES, EPERM:
            place.problem(
                expected: "a port that this user may open", found: "\(address): permission denied",
                remedy: "Choose a port from 1024 on, or let the program open lower ones "
                    + "(`AmbientCapabilities=CAP_NET_BIND_SERVICE` in a systemd unit).")
        default:
            place.problem(
                expected: "an address to listen on", found: "\(address): \(String(cString: strerror(code)))")
        }
    }
}
