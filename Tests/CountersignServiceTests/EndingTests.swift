import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import CountersignService

@Suite struct EndingTests {
    private struct Failing: Service {
        struct Failed: Error {}

        func run() async throws { throw Failed() }
    }

    private final class Ended: Sendable {
        let count = Atomic(0)
    }

    /// A listener whose address is in use must not leave a process behind that listens on another.
    @Test(.timeLimit(.minutes(1))) func endsWithAServiceThatCannotStart() async {
        let ended = Ended()
        for _ in 0..<200 {
            let group = ServiceGroup(
                services: [Ending { ended.count.add(1, ordering: .relaxed) }, Failing()], logger: .silent)
            await #expect(throws: Failing.Failed.self) { try await group.run() }
        }
        #expect(ended.count.load(ordering: .relaxed) == 200)
    }
}
