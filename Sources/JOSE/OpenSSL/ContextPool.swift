import Synchronization

/// Contexts that are initialized once and used by one thread at a time.
///
/// Initializing one costs a third of a verification, and a context in use cannot be shared. So a caller takes an idle
/// one, or makes one if none is idle.
final class ContextPool<Context: Sendable>: Sendable {
    private let idle: Mutex<[Context]>
    private let make: @Sendable () throws(OpenSSLFailure) -> Context

    /// If more threads than this use contexts at once, the surplus is made and freed each time.
    private let idleLimit = 64

    /// Makes the first context at once, so that a key that cannot be used fails here and not at its first use.
    init(make: @escaping @Sendable () throws(OpenSSLFailure) -> Context) throws(OpenSSLFailure) {
        self.make = make
        idle = Mutex([try make()])
    }

    /// Leaves OpenSSL's error queue to `body`.
    func withContext<Result>(_ body: (Context) throws(OpenSSLFailure) -> Result) throws(OpenSSLFailure) -> Result {
        let context: Context
        if let waiting = idle.withLock({ $0.popLast() }) { context = waiting } else { context = try make() }
        defer { idle.withLock { if $0.count < idleLimit { $0.append(context) } } }
        return try body(context)
    }
}
