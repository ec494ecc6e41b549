import ArgumentParser
import CountersignService
import Foundation

/// Asks a person before something breaks.
enum Confirmation {
    /// Whether standard input is a terminal.
    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

    /// - Parameter harm: what will break, in a sentence.
    /// - Throws: ``StartUpError`` unless the answer is yes, or if there is no terminal to ask on.
    static func ask(_ harm: String) throws {
        guard canAsk else {
            throw StartUpError(["\(harm) Nothing was done: there is no terminal to ask on; add --yes."])
        }
        StandardError.write(Array("\(harm)\nGo on? [y/N] ".utf8))
        guard ["y", "yes"].contains(readLine()?.lowercased()) else { throw StartUpError(["Nothing was done."]) }
    }
}

/// `--force` and `--yes`.
struct ForceOption: ParsableArguments {
    @Flag(help: "Do it although it breaks tokens; says which, until when, and asks.")
    var force = false
    @Flag(help: "With --force: do not ask.")
    var yes = false

    /// Asks, or with `--yes` only says what will break.
    /// - Parameter harm: nil if nothing breaks, so that there is nothing to ask.
    func confirm(_ harm: String?) throws {
        guard let harm else { return }
        if yes { return StandardError.write(Array("\(harm)\n".utf8)) }
        try Confirmation.ask(harm)
    }
}
