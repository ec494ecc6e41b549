import Testing

/// A change to the shortest good file, and what an operator then reads.
struct Refusal: Sendable, CustomTestStringConvertible {
    let yaml: String
    let complaint: String
    private let change: String

    init(adding text: String, complaint: String) {
        yaml = shortest + text
        change = text
        self.complaint = complaint
    }

    init(replacing old: String, with new: String, complaint: String) {
        yaml = shortest.replacing(old, with: new, maxReplacements: 1)
        change = new
        self.complaint = complaint
    }

    init(adding text: String, complaints: [String]) {
        self.init(adding: text, complaint: complaints.joined(separator: "\n"))
    }

    init(replacing old: String, with new: String, complaints: [String]) {
        self.init(replacing: old, with: new, complaint: complaints.joined(separator: "\n"))
    }

    var testDescription: String { change }
}
