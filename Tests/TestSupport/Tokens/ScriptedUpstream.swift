import Synchronization
package import TokenExchange

/// An internal service without a network: counts the calls, and holds them until told to go on.
package final class ScriptedUpstream: UpstreamTokenSource {
    private struct State {
        var calls = 0
        var isHolding = false
        var waiting: [CheckedContinuation<Void, Never>] = []
        var next: [Result<UpstreamToken, UpstreamFailure>] = []
    }

    private let state = Mutex(State())
    private let name: String
    private let always: UpstreamToken?

    /// - Parameters:
    ///   - name: stands in its tokens, each another one.
    ///   - always: the only token that it has.
    package init(name: String = "up", always: UpstreamToken? = nil) {
        self.name = name
        self.always = always
    }

    package var calls: Int { state.withLock(\.calls) }

    package func answerNext(_ results: Result<UpstreamToken, UpstreamFailure>...) {
        state.withLock { $0.next += results }
    }

    package func hold() { state.withLock { $0.isHolding = true } }

    package func release() {
        let waiting = state.withLock { state in
            state.isHolding = false
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    package func token(
        for request: UpstreamRequest, within budget: Duration
    ) async throws(UpstreamFailure) -> UpstreamToken {
        let (number, result) = state.withLock { state in
            state.calls += 1
            return (state.calls, state.next.isEmpty ? nil : state.next.removeFirst())
        }
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.isHolding { state.waiting.append(continuation) }
                return !state.isHolding
            }
            if isFree { continuation.resume() }
        }
        if let result { return try result.get() }
        return always ?? UpstreamToken(bytes: Array("\(name)-\(number)/+=".utf8), lifetime: nil)
    }
}
