import ArgumentParser
import CountersignService
import Foundation

/// A person's yes to something that breaks.
enum Confirmation {
    static var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

    /// - Throws: ``StartUpError`` where the answer is anything but yes, or nobody is there to give one.
    static func ask(_ harm: String) throws(StartUpError) {
        guard canAsk else {
            throw StartUpError(["\(harm) Nothing was done: there is no terminal to ask on; add --yes."])
        }
        StandardError.write(Array("\(harm)\nGo on? [y/N] ".utf8))
        guard ["y", "yes"].contains(readLine()?.lowercased()) else { throw StartUpError(["Nothing was done."]) }
    }
}

/// `--force` and `--yes`.
struct ForceOption: ParsableArguments {
    @Flag(help: "Do it though it breaks tokens; says which, until when, and asks.")
    var force = false
    @Flag(help: "With --force: do not ask.")
    var yes = false

    /// - Parameter harm: nil if there is none, and so nothing to ask.
    func confirm(_ harm: String?) throws(StartUpError) {
        guard let harm else { return }
        if yes { return StandardError.write(Array("\(harm)\n".utf8)) }
        try Confirmation.ask(harm)
    }
}
