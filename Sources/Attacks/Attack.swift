package import TokenExchange

/// One case of the published corpus: a token that breaks one rule, and the answer that it must get.
package struct Attack: Sendable, CustomStringConvertible {
    package let name: String
    /// The row of the threat table.
    package let threat: Int
    package let rule: String
    package let profile: String
    package let status: Int
    package let errorCode: String
    package let reason: Refusal
    let recipe: AttackRecipe

    package var description: String { name }

    /// Whether a service may be configured so that it takes the token rightly: by other limits, algorithms, keys or rules.
    package var dependsOnConfiguration: Bool {
        switch reason {
        case .notThreeSegments, .notBase64URL, .headerDuplicateMember, .headerParameterForbidden, .algorithmUnknown,
            .keyIDMalformed, .claimsDuplicateMember, .issuerUnknown, .signatureInvalid, .claimsUnreadable,
            .subjectInvalid, .expirationInvalid, .notBeforeInvalid, .headerTypeNotAllowed, .senderConstrained:
            false
        case .tokenTooLarge, .headerMalformed, .claimsMalformed, .algorithmNotAllowed, .keyDenied, .keyUnknown,
            .issuedAtInvalid, .expired, .notYetValid, .issuedInFuture, .tooOld, .tokenKindNotAllowed,
            .serviceAccountNotAllowed, .audienceNotAllowed, .partyNotAllowed, .tenantNotAllowed, .conditionNotMet,
            .claimMissing:
            true
        }
    }
}

/// The corpus in the folder Corpus of these sources, compiled into the program. README.md there describes the format.
package struct AttackCorpus: Sendable {
    package let attacks: [Attack]
    package let profiles: [String: AttackProfile]

    /// It is read strictly, so that a misspelt key is an error and no silent pass.
    package static let published = Result { try AttackCorpus(files: PackageResources.corpus) }

    /// - Parameter files: `profiles.json` first.
    private init(files: [[UInt8]]) throws {
        let values = try files.map { try JSONValue(parsing: $0) }
        profiles = try values.first.map(AttackProfile.all) ?? [:]
        attacks = try values.dropFirst().flatMap(Self.attacks)
    }

    private static func attacks(in value: JSONValue) throws -> [Attack] {
        let file = value["title"]?.string?.description ?? "a file without a title"
        let document = try StrictObject(value, ["threat", "title", "attacks"], at: file)
        let threat = try document.integer("threat")
        _ = try document.string("title")
        return try document.array("attacks").map { try Attack($0, threat: threat, file: file) }
    }
}

extension Attack {
    fileprivate init(_ value: JSONValue, threat: Int, file: String) throws {
        let place = "\(file): \(value["name"]?.string?.description ?? "?")"
        let object = try StrictObject(value, ["name", "rule", "profile", "recipe", "expected"], at: place)
        name = try object.string("name")
        rule = try object.string("rule")
        profile = try object["profile"] == nil ? "rs256" : object.string("profile")
        self.threat = threat
        recipe = try AttackRecipe(object["recipe"] ?? .null, at: place)
        let expected = try StrictObject(
            object["expected"] ?? .null, ["status", "error_code", "reason"], at: "\(place): expected")
        status = try expected.integer("status")
        errorCode = try expected.string("error_code")
        guard let reason = Refusal(rawValue: try expected.string("reason")) else {
            throw AttackProblem(description: "\(place): there is no such reason")
        }
        self.reason = reason
    }
}

/// A member of the corpus that is missing, unknown or of the wrong type; or a change that changes nothing.
package struct AttackProblem: Error, CustomStringConvertible {
    package let description: String
}

/// An object of the corpus, with a closed set of names.
struct StrictObject {
    let members: [JSONValue.Member]
    private let place: String

    init(_ value: JSONValue, _ names: [ExactText], at place: String) throws {
        guard case .object(let members) = value else {
            throw AttackProblem(description: "\(place): expected an object")
        }
        for member in members where !names.contains(member.name) {
            throw AttackProblem(description: "\(place): \(member.name) is not one of \(names)")
        }
        self.members = members
        self.place = place
    }

    subscript(name: ExactText) -> JSONValue? { members.first { $0.name == name }?.value }

    func string(_ name: ExactText) throws -> String {
        guard let string = self[name]?.string else {
            throw AttackProblem(description: "\(place): expected a string \(name)")
        }
        return String(string)
    }

    func integer(_ name: ExactText) throws -> Int {
        guard case .number(let literal) = self[name], let number = Int(String(literal)) else {
            throw AttackProblem(description: "\(place): expected an integer \(name)")
        }
        return number
    }

    /// Empty where the member is absent.
    func array(_ name: ExactText) throws -> [JSONValue] {
        guard let value = self[name] else { return [] }
        guard case .array(let values) = value else {
            throw AttackProblem(description: "\(place): expected an array \(name)")
        }
        return values
    }

    func strings(_ name: ExactText) throws -> [String] {
        try array(name).map { value in
            guard let string = value.string else {
                throw AttackProblem(description: "\(place): expected strings in \(name)")
            }
            return String(string)
        }
    }
}

extension PackageResources {
    /// The files of the corpus, `profiles.json` first. The build names them with `_` for the first digit.
    fileprivate static let corpus = [
        profiles_json, _1_algorithm_none_json, _2_algorithm_confusion_json, _3_key_identifier_json,
        _4_embedded_keys_json, _5_extensions_json, _6_duplicate_members_json, _7_ecdsa_signature_json,
        _8_rsa_signature_json, _9_token_kinds_json, _0_issuer_and_audience_json, _1_serialization_json,
        _2_size_and_numbers_json, _3_base64url_json, _4_time_json, _6_control_characters_json,
        _7_server_side_requests_json, _8_unknown_keys_json, _9_distinguishing_answers_json,
    ]
}
