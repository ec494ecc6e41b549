// What a token has where the configuration looks for claims.

extension ExplainedToken {
    /// Several claims, each with its path before it.
    func claims(at paths: [ClaimPath]) -> VerificationRule.Finding {
        let findings = paths.map { ($0, Self.finding(value(at: $0))) }
        return VerificationRule.Finding(
            shape: findings.map { "\($0.words): \($1.shape)\(otherSpelling(of: $0))" }.joined(separator: "; "),
            value: findings.map { "\($0.words): \($1.value ?? "absent")" }.joined(separator: "; "))
    }

    /// What each condition of the provider demands.
    var demands: String {
        let conditions = provider.conditions.enumerated().map { "conditions[\($0)]: \($1.demand)" }
        return conditions.isEmpty ? "no conditions" : conditions.joined(separator: "; ")
    }

    /// Which condition does not hold, and what its claim is like.
    var conditions: VerificationRule.Finding {
        let set = if case .object(let members) = claims { ClaimsSet(members) } else { ClaimsSet([]) }
        let findings = provider.conditions.enumerated().map { index, condition in
            let verdict = condition.holds(for: set) ? "holds" : "does not hold"
            return "conditions[\(index)] \(verdict): \(claims(at: [condition.claim]).shape)"
        }
        return VerificationRule.Finding(
            shape: findings.joined(separator: "; "), value: claims(at: provider.conditions.map(\.claim)).value)
    }

    private func value(at path: ClaimPath) -> JSONValue? {
        path.rest.reduce(claims[path.root]) { value, name in value?[name] }
    }

    /// Where a claim is that is absent from `path`: dots in a name are no steps of a path, which is easily confused.
    private func otherSpelling(of path: ClaimPath) -> String {
        guard value(at: path) == nil else { return "" }
        if path.rest.isEmpty {
            let names = Self.names(spelling: path.root.bytes[...], in: claims)
            guard let names, let root = names.first, names.count > 1 else { return "" }
            let other = ClaimPath(root, Array(names.dropFirst()))
            return ", as a name with dots is one name; the token has it as a path: write \(other.words)"
        }
        let name = ExactText(bytes: Array(path.names.map(\.bytes).joined(separator: [UInt8(ascii: ".")])))
        if claims[name] == nil { return "" }
        return ", as a list is a path; the token has it as one name with dots: write \"\(name)\""
    }

    /// The path to a value whose names, with dots between them, are `text`; nil if there is none.
    private static func names(spelling text: ArraySlice<UInt8>, in value: JSONValue) -> [ExactText]? {
        if value[ExactText(bytes: text)] != nil { return [ExactText(bytes: text)] }
        for dot in text.indices where text[dot] == UInt8(ascii: ".") {
            let name = ExactText(bytes: text[..<dot])
            if let rest = value[name].flatMap({ names(spelling: text[(dot + 1)...], in: $0) }) { return [name] + rest }
        }
        return nil
    }
}

extension ClaimPath {
    fileprivate var names: [ExactText] { [root] + rest }

    /// As the configuration has it: a name, or a list of names.
    fileprivate var words: String {
        rest.isEmpty ? "\(root)" : "[\(names.map(\.description).joined(separator: ", "))]"
    }
}

extension ClaimCondition {
    /// What it demands, by the configuration alone.
    fileprivate var demand: String {
        func text(_ value: JSONValue) -> String { String(decoding: value.text, as: UTF8.self) }
        return switch test {
        case .contains(let element): "\(claim.words) contains \(text(element))"
        case .equals(let value): "\(claim.words) equals \(text(value))"
        case .anyOf(let values): "\(claim.words) is any of \(text(.array(values)))"
        case .matches(let pattern): "\(claim.words) matches \(text(.string(pattern.text)))"
        }
    }
}
