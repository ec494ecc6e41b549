import CountersignHTTP
import TokenExchange

// What the line of a request says, in plain sentences.

extension LogEntry {
    /// What came, and what was decided.
    var sentence: String {
        guard message == "request" else { return LogText.bare("\(level): \(message) \(words)") }
        let duration = self["duration_ms"].map { ", after \($0) ms" } ?? ""
        return LogText.bare("\(what): \(outcome)\(duration).")
    }

    private var isLogin: Bool { self["route"] == "callback" || self["route"] == "token" }

    private var what: String {
        let provider = self["identity_provider"].map { " for \($0)" } ?? ""
        let verifier = self["verifier"].map { "Verifier \($0)" } ?? "A caller that is no known verifier"
        switch self["route"] {
        case "callback": return "A login\(provider), by the app's callback"
        case "token": return "A login\(provider), by POST /token"
        case "session": return "A page asked for the session of its external identity"
        case "introspect": return "\(verifier) asked whether an external identity is good"
        case "revoke": return "\(verifier) asked to end the session of an external identity"
        case "revocations": return "\(verifier) asked to end many sessions"
        case let route: return "A request for \(route ?? "something")"
        }
    }

    private var outcome: String {
        let status = self["status"] ?? "no status"
        let answer = [status, self["error_code"]].compactMap(\.self).joined(separator: " ")
        if self["error_code"] == ErrorCode.rateLimited.rawValue {
            let way =
                status == "200" ? "; the login went on without an external identity, as its provider is optional" : ""
            return "not looked at (\(answer)), as too many requests from its address had been refused\(way)"
        }
        if let degraded = self["degraded"] {
            return
                "went on although something on our side had failed (\(degraded)); degraded, as the provider is optional"
        }
        if self["cause"] != nil { return "failed on our side (\(answer))" }
        if self["error_code"] != nil { return "refused (\(answer))" }
        return success(status)
    }

    private func success(_ status: String) -> String {
        let provider = self["identity_provider"]
        switch self["route"] {
        case _ where isLogin:
            return self["replay"] == "true"
                ? "answered again with the external identity of the same login before: a retry or a double tap"
                : "succeeded with an external identity"
        case "session": return provider.map { "good, of \($0)" } ?? "answered (\(status))"
        case "introspect":
            return provider.map { "active, of \($0)" }
                ?? "inactive: unknown, expired, revoked, or of a provider that it may not see"
        default: return "answered (\(status))"
        }
    }

    // MARK: Why, and what to do

    /// Why it came out so, what to do about it, and whose it was; a line for each.
    var details: [String] {
        [why, clocks, failure, remedy.map { "What to do: \($0)" }, whose].compactMap(\.self).map(LogText.bare)
    }

    /// For a line of its own.
    var reasonInBrackets: String { self["reason"].map { LogText.bare(" (\($0))") } ?? "" }

    private var rule: VerificationRule? {
        self["reason"].flatMap(Refusal.init).flatMap(ExplainToken.rule(brokenBy:))
    }

    private var why: String? {
        self["reason"].map { reason in "Why: \(reason)\(rule.map { ", by the rule \($0.name)" } ?? "")." }
    }

    private var clocks: String? {
        guard let text = self["clock_difference_s"], let seconds = Double(text) else { return nil }
        return "Our clock was \(abs(seconds)) s \(seconds < 0 ? "before" : "after") the time in the token."
    }

    private var failure: String? {
        guard let cause = self["cause"] else { return nil }
        return "What failed: \(self["operation"] ?? "something"), because of: \(cause)"
    }

    private var whose: String? {
        let facts: [(String, ExactText)] = [
            ("Tenant", "tenant"), ("subject_hash", "subject_hash"), ("device_hash", "device_hash"),
        ]
        let words = facts.compactMap { name, field in self[field].map { "\(name) \($0)" } }
        return words.isEmpty ? nil : words.joined(separator: ", ") + "."
    }

    private var remedy: String? {
        (self["error_code"] ?? self["degraded"]).flatMap(ErrorCode.init)?.remedy(for: self["reason"])
    }
}
