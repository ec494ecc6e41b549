import Synchronization
package import TokenExchange

/// Counts what the connections of one store do, for metrics. Its numbers are added to from any thread, and each is right
/// by itself; two that are read one after the other need not fit together.
package final class RedisTraffic: Sendable {
    /// A number that many threads add to.
    package final class Count: Sendable {
        private let number = Atomic(0)

        package var value: Int { number.load(ordering: .relaxed) }

        func add(_ amount: Int) { number.wrappingAdd(amount, ordering: .relaxed) }
    }

    /// An operation of the store that failed, and why.
    package struct Fault: Hashable, Sendable {
        package let operation: SessionStoreFailure.Operation
        package let cause: SessionStoreFailure.Cause.Kind
    }

    /// Connections that are open and not silent.
    package let connections = Count()
    /// Connections that should be.
    package let connectionsWanted = Count()
    /// Connections that were opened again.
    package let reconnects = Count()
    /// Connections that were lost, and attempts that failed.
    package let connectionFailures = Count()
    /// Commands that wait for a connection.
    package let waiting = Count()
    /// Commands whose callers wait, for whatever.
    package let pending = Count()
    private let commands = SessionStoreFailure.Operation.allCases.map { _ in Count() }
    private let faults = Mutex<[Fault: Int]>([:])

    /// All zero.
    init() {}

    /// How often each operation was asked for, successful or not.
    package var commandCounts: [(operation: SessionStoreFailure.Operation, count: Int)] {
        zip(SessionStoreFailure.Operation.allCases, commands).map { ($0, $1.value) }
    }

    package var faultCounts: [Fault: Int] { faults.withLock(\.self) }

    func count(_ operation: SessionStoreFailure.Operation) { commands[operation.index].add(1) }

    func count(_ failure: SessionStoreFailure) {
        faults.withLock { $0[Fault(operation: failure.operation, cause: failure.cause.kind), default: 0] += 1 }
    }
}

extension SessionStoreFailure.Operation {
    /// Among all cases.
    fileprivate var index: Int {
        switch self {
        case .exchange: 0
        case .insert: 1
        case .session: 2
        case .revoke: 3
        case .revocations: 4
        case .shared: 5
        case .check: 6
        }
    }
}
