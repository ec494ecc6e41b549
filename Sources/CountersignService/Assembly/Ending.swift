import RedisSessions
import ServiceLifecycle

/// A part that runs by itself, and ends when the services end.
struct Ending: Service {
    private let end: @Sendable () -> Void

    init(_ end: @escaping @Sendable () -> Void) {
        self.end = end
    }

    func run() async {
        await untilShutdown()
        end()
    }
}
