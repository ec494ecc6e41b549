import Synchronization

/// Contexts that are initialised once and used by one thread at a time.
///
/// Initialising costs a third of a verification; a context in use cannot be shared. So whoever needs one takes an
/// idle one, or makes one where none is idle.
final class ContextPool<Context: Sendable>: Sendable {
    private let idle: Mutex<[Context]>
    private let make: @Sendable () throws(OpenSSLFailure) -> Context

    /// More threads than this in cryptography at once only pay for making a context again.
    private let idleLimit = 64

    /// Makes the first context at once, so that a key that cannot be used fails here and not at its first use.
    init(make: @escaping @Sendable () throws(OpenSSLFailure) -> Context) throws(OpenSSLFailure) {
        self.make = make
        idle = Mutex([try make()])
    }

    /// - Parameter body: nil says that OpenSSL failed.
    func withContext<Result>(_ body: (Context) -> Result?) throws(OpenSSLFailure) -> Result {
        let context: Context
        if let waiting = idle.withLock({ $0.popLast() }) { context = waiting } else { context = try make() }
        defer { idle.withLock { if $0.count < idleLimit { $0.append(context) } } }
        return try OpenSSLErrorQueue.checked { body(context) }
    }
}
