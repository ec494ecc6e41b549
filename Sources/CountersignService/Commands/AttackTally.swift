import Attacks
import TokenExchange

/// The verdicts of one run.
struct AttackTally {
    /// What is right to accept under this configuration is no attack on it.
    var skippedCount = 0
    private var sentCount = 0
    private var accepted: [Attack] = []
    private var failed: [(attack: Attack, what: String)] = []
    private var failedInARow = 0
    private var goodVerdict: AttackVerdict?

    /// Whether it is useless to go on.
    var isSilent: Bool { failedInARow == 5 }

    var isWell: Bool {
        if !accepted.isEmpty || !failed.isEmpty { return false }
        if case .accepted? = goodVerdict { return true }
        return goodVerdict == nil
    }

    mutating func add(_ attack: Attack, _ verdict: AttackVerdict) {
        sentCount += 1
        failedInARow = 0
        switch verdict {
        case .refused: break
        case .accepted: accepted.append(attack)
        case .limited: failed.append((attack, "was barred all the time (429); lower --rate"))
        case .failed(let what):
            failed.append((attack, what))
            failedInARow += 1
        }
    }

    /// What became of the good token at the end.
    mutating func add(good verdict: AttackVerdict) { goodVerdict = verdict }

    /// What was found out, for people.
    func lines(_ issuer: AttackIssuer) -> [String] {
        let refused = sentCount - accepted.count - failed.count
        var lines = accepted.map { "ACCEPTED \($0.name) (threat \($0.threat)): \($0.rule)" }
        lines += failed.map { "FAILED \($0.attack.name) (threat \($0.attack.threat)): the service \($0.what)" }
        lines.append(
            "\(sentCount) attacks: \(refused) refused, \(accepted.count) accepted, \(failed.count) failed"
                + (skippedCount == 0 ? "." : "; \(skippedCount) not sent, as this configuration allows such tokens."))
        switch goodVerdict {
        case .accepted?: lines.append("The good token of tenant \(issuer.tenant) is accepted, before and after.")
        case nil:
            lines.append(
                "There is no development key, so all tokens were forged: this shows that the service refuses forged tokens, not "
                    + "what it does with spoiled ones of its issuer. Add a configuration with a development tenant.")
        default: lines.append("The good token of tenant \(issuer.tenant) was accepted before, and is not any more.")
        }
        return lines
    }
}
