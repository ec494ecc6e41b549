import TokenExchange

extension ClaimMapping {
    /// `{ from: … }`, `{ first_of: […] }` or `{ value: … }`.
    static func read(name: String, _ reader: NodeReader) -> ClaimMapping? {
        if reservedNames.contains(ExactText(name)) {
            reader.report(
                expected: "a claim that Countersign does not set itself", found: excerpt(of: name),
                remedy: "These names are taken: \(reservedNames.sorted().map(\.description).joined(separator: ", ")).")
        }
        return reader.mapping { section in
            let source: Source? = section.exactlyOne([
                "from": { $0.claimPath().map { .firstOf([$0]) } },
                "first_of": { $0.list(atLeast: 1) { $0.claimPath() }.map(Source.firstOf) },
                "value": { $0.jsonValue().map(Source.value) },
            ])
            let isRequired = section.value("required", default: false) { reader in
                if case .value = source { reader.refuseForValue() }
                return reader.boolean()
            }
            return source.map { ClaimMapping(name: ExactText(name), source: $0, isRequired: isRequired) }
        }
    }
}

extension NodeReader {
    /// A claim's name, or the names that lead to it.
    func claimPath() -> ClaimPath? {
        guard isList else {
            return string("a claim's name, or a list of names as a path").map { ClaimPath(ExactText($0)) }
        }
        let names = list(atLeast: 1) { $0.string("a claim's name") } ?? []
        return names.first.map { ClaimPath(ExactText($0), names.dropFirst().map { ExactText($0) }) }
    }

    fileprivate func refuseForValue() {
        report(
            expected: "no `required` beside `value`", found: "it", remedy: "A constant is always there; remove the key."
        )
    }
}
