import TokenExchange

extension ClaimCondition {
    /// `{ claim: …, contains: … }`, or another test in place of `contains`.
    static func read(_ section: MappingReader) -> ClaimCondition? {
        let claim = section.required("claim") { $0.claimPath() }
        let test: Test? = section.exactlyOne([
            "contains": { $0.jsonScalar().map(Test.contains) },
            "equals": { $0.comparableValue().map(Test.equals) },
            "any_of": { $0.list(atLeast: 1) { $0.jsonValue() }.map(Test.anyOf) },
            "matches": { $0.pattern().map(Test.matches) },
        ])
        guard let claim, let test else { return nil }
        return ClaimCondition(claim: claim, test: test)
    }
}

extension NodeReader {
    fileprivate func comparableValue() -> JSONValue? {
        guard let value = jsonValue() else { return nil }
        if value != .null { return value }
        report(
            expected: "a value to compare with",
            remedy: "Null counts as absent, and a condition on an absent claim never holds.")
        return nil
    }

    fileprivate func pattern() -> AnchoredPattern? {
        let what = "a regular expression in extended POSIX syntax"
        guard let text = string(what) else { return nil }
        do throws(PatternRefusal) { return try AnchoredPattern(text) } catch {
            report(expected: what, remedy: error.description)
            return nil
        }
    }
}
