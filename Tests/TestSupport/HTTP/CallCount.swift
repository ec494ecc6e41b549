import Synchronization

/// Counts from 1 on.
package final class CallCount: Sendable {
    private let value = Atomic(0)

    package init() {}

    package var count: Int { value.load(ordering: .sequentiallyConsistent) }

    package func next() -> Int { value.add(1, ordering: .sequentiallyConsistent).newValue }
}
