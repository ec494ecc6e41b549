import TokenExchange

/// What one check of `countersign doctor` found. Holds no secret and no token: every cause comes from a failure that may be
/// logged, every name from the configuration.
package struct CheckupFinding: Sendable, Equatable {
    /// Raw values are an interface.
    package enum Verdict: String, Sendable {
        case pass, warn, fail
    }

    /// Which check: `issuer_keys`. An interface.
    package let check: String
    /// Whom it is about (a tenant, a provider, an origin, a server); empty if there is only one.
    package let subject: String
    package let verdict: Verdict
    package let detail: String
    /// What to do; nil if nothing is to be done.
    package let remedy: String?

    private init(_ check: String, _ subject: String, _ verdict: Verdict, _ detail: String, _ remedy: String?) {
        self.check = check
        self.subject = subject
        self.verdict = verdict
        self.detail = detail
        self.remedy = remedy
    }

    static func pass(_ check: String, of subject: String = "", _ detail: String) -> CheckupFinding {
        CheckupFinding(check, subject, .pass, detail, nil)
    }

    static func warn(_ check: String, of subject: String = "", _ detail: String, remedy: String) -> CheckupFinding {
        CheckupFinding(check, subject, .warn, detail, remedy)
    }

    static func fail(_ check: String, of subject: String = "", _ detail: String, remedy: String) -> CheckupFinding {
        CheckupFinding(check, subject, .fail, detail, remedy)
    }

    /// A line of a message that has its own remedy in it.
    static func told(_ check: String, _ verdict: Verdict, _ line: String) -> CheckupFinding {
        CheckupFinding(check, "", verdict, line, nil)
    }
}

/// What `countersign doctor` prints.
package struct CheckupReport: Sendable {
    package let findings: [CheckupFinding]

    /// Whether no check failed; warnings do not count.
    package var isWell: Bool { count(.fail) == 0 }

    private func count(_ verdict: CheckupFinding.Verdict) -> Int { findings.count { $0.verdict == verdict } }

    /// A line for each check, and their number.
    package var text: String {
        let lines = findings.map { finding in
            let name = finding.subject.isEmpty ? finding.check : "\(finding.check) \(finding.subject)"
            return "\(finding.verdict.rawValue)  \(name): \(finding.detail)" + (finding.remedy.map { ". \($0)" } ?? "")
        }
        return (lines + ["", "\(count(.pass)) pass, \(count(.warn)) warn, \(count(.fail)) fail"]).joined(
            separator: "\n")
    }

    /// The same as a JSON object.
    package var json: String {
        let checks = findings.map { finding in
            JSONValue.object([
                .init("check", .string(finding.check)), .init("subject", .string(finding.subject)),
                .init("status", .string(finding.verdict.rawValue)), .init("detail", .string(finding.detail)),
                .init("remedy", finding.remedy.map(JSONValue.string) ?? .null),
            ])
        }
        let status = !isWell ? "fail" : count(.warn) > 0 ? "warn" : "pass"
        let document = JSONValue.object([.init("status", .string(status)), .init("checks", .array(checks))])
        return String(decoding: document.indentedText.dropLast(), as: UTF8.self)
    }
}
