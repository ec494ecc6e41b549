import JOSE
import ServiceConfiguration
import TokenExchange

/// Whether a step of the signing keys' rotation is due that nobody has taken.
struct SigningKeyCheck {
    private let source: SigningKeySource
    private let file: String

    init(_ configuration: Configuration, file: String) {
        source = SigningKeySource(configuration)
        self.file = file
    }

    func finding(at now: UnixTime) -> CheckupFinding {
        let remedy = "Run `countersign keys advance --config \(file)`, and see why cron does not."
        do {
            let (due, next) = try source.directory.stepsDue(at: now, times: source.times) {
                ExactText("(the new \($0.rawValue) key)")
            }
            guard !due.isEmpty else {
                return .pass("signing_keys", "nothing is due. \(SigningKeyCommands.sentence(next))")
            }
            return .warn("signing_keys", "due: \(due.map(\.clause).joined(separator: ", then "))", remedy: remedy)
        } catch {
            return .told("signing_keys", .fail, "\(error)".replacing("--config FILE", with: "--config \(file)"))
        }
    }
}
