import Foundation
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
}

/// What Tests/TokenExchangeTests/Attacks holds. README.md there describes the format.
package struct AttackCorpus: Sendable {
    package let attacks: [Attack]
    package let profiles: [String: AttackProfile]

    /// The corpus as it stands in the repository; it is read strictly, so that a misspelt key is an error and no silent pass.
    package static let published = Result {
        try AttackCorpus(folder: "\(CountersignProcess.repository)/Tests/TokenExchangeTests/Attacks")
    }

    init(folder: String) throws {
        var attacks: [Attack] = []
        var profiles: [String: AttackProfile] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() where name.hasSuffix(".json") {
            let text = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
            let value = try JSONValue(parsing: Array(text))
            if name == "profiles.json" {
                profiles = try AttackProfile.all(in: value)
            } else {
                attacks += try Self.attacks(in: value, file: name)
            }
        }
        self.attacks = attacks
        self.profiles = profiles
    }

    private static func attacks(in value: JSONValue, file: String) throws -> [Attack] {
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
