import TokenExchange

/// What one probe has found. Holds no token and no secret.
package struct ProbeReport: Sendable {
    package struct Step: Sendable {
        package let step: ProbeStep
        package let outcome: ProbeOutcome
        /// Why it is no pass, in our own words; nil if it is one.
        package let detail: String?
        let lasted: Duration

        init(_ step: ProbeStep, _ outcome: ProbeOutcome, _ detail: String?, lasted: Duration) {
            self.step = step
            self.outcome = outcome
            self.detail = detail
            self.lasted = lasted
        }
    }

    let url: String
    package var steps: [Step] = []

    init(url: String) {
        self.url = url
    }

    /// Nil if the step was not taken yet.
    package subscript(step: ProbeStep) -> Step? { steps.first { $0.step == step } }

    /// The worst of all: ``ProbeOutcome/accepted`` before ``ProbeOutcome/fail``.
    package var outcome: ProbeOutcome {
        let outcomes = Set(steps.map(\.outcome))
        return outcomes.contains(.accepted) ? .accepted : outcomes.contains(.fail) ? .fail : .pass
    }

    /// A line for each step, and what they come to.
    package var text: String {
        let lines = steps.map { step in
            let word = step.outcome == .accepted ? "ACCEPTED" : step.outcome.rawValue
            let padding = String(repeating: " ", count: 10 - word.count)
            let words = [step.outcome == .skipped ? nil : step.lasted.inMilliseconds, step.detail].compactMap(\.self)
            return "\(word)\(padding)\(step.step.rawValue): \(words.joined(separator: ", "))"
        }
        let verdict =
            switch outcome {
            case .accepted: "\(url) accepts what it must refuse: treat it as a breach"
            case .fail: "\(url) does not do all that it is there for"
            case .pass, .skipped: "\(url) does what it should"
            }
        return (lines + ["", verdict]).joined(separator: "\n")
    }

    /// The same as a JSON object.
    package var json: String {
        let steps = steps.map { step in
            JSONValue.object([
                .init("step", .string(step.step.rawValue)), .init("outcome", .string(step.outcome.rawValue)),
                .init("detail", step.detail.map(JSONValue.string) ?? .null),
                .init("seconds", .number(literal: "\((step.lasted.inSeconds * 1e6).rounded() / 1e6)")),
            ])
        }
        let document = JSONValue.object([
            .init("outcome", .string(outcome.rawValue)), .init("url", .string(url)), .init("steps", .array(steps)),
        ])
        return String(decoding: document.indentedText.dropLast(), as: UTF8.self)
    }
}

extension Duration {
    /// `12.3 ms`.
    var inMilliseconds: String {
        let tenths = Int((inSeconds * 10_000).rounded())
        return "\(tenths / 10).\(tenths % 10) ms"
    }
}
