import TestSupport
import TokenExchange

/// All between the body of a request and that of its answer, with the store in memory.
enum ExchangePart {
    static func measure(_ login: SampleLogin, by bench: Bench) async throws {
        let exchange = ExchangeBench(providers: [login.provider])
        var number = 0
        try await bench.measureWaiting("exchange: a new login, store in memory") {
            number += 1
            guard case .issued = await exchange.exchange(login.token.bytes, device: ExactText("till-\(number)")) else {
                throw ProgramFailure(description: "the login got no token")
            }
        }
    }
}
