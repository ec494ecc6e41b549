import Foundation
import NIOCore
import NIOPosix
import TestSupport

/// What each part of a login costs, from the scan of its token to the answer.
///
/// Usage: `ExchangeBench [seconds of each part]`. `make bench-parts` runs it with the counter of allocations.
@main struct Parts {
    static func main() async {
        do {
            // First of all, since the counter of instructions sees only threads that begin after it.
            let counters = try Counters()
            let seconds = CommandLine.arguments.dropFirst().first.flatMap(Double.init) ?? 1
            let bench = Bench(counters, seconds: seconds)
            // Tasks run on the event loop, as in `countersign serve`.
            NIOSingletons.groupLoopCountSuggestion = 1
            _ = NIOSingletons.unsafeTryInstallSingletonPosixEventLoopGroupAsConcurrencyGlobalExecutor()
            let login = try await SampleLogin()
            print(Cost.tableHead)
            try await TokenParts.measure(login, by: bench)
            try await MintParts.measure(login, by: bench)
            try await RecordParts.measure(login, by: bench)
            try await RESPParts.measure(login, by: bench)
            try await LogPart.measure(login, by: bench)
            try await ExchangePart.measure(login, by: bench)
            try await HTTPPart.measure(login, by: bench)
        } catch {
            try? FileHandle.standardError.write(contentsOf: Data("ExchangeBench: \(error)\n".utf8))
            exit(1)
        }
    }
}
