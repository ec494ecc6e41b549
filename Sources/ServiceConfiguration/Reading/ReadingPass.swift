/// One reading of one file: the environment that it uses, and the problems that it finds.
final class ReadingPass {
    /// The file as the caller named it.
    let file: String
    /// Nil for those of the file.
    let contents: [UInt8]?
    let environment: [String: String]
    private let document: AbsolutePath
    private var findings: [(place: Place, problem: ConfigurationProblem)] = []
    private var references: [(reader: NodeReader, check: () -> Complaint?)] = []
    private var lines: [String: Int] = [:]
    /// Every key that a reader asked for, as ``KeyTrail/pattern``.
    private(set) var knownKeys: Set<String> = []

    /// Line and column, counted from 1.
    struct Place {
        let line: Int
        let column: Int
    }

    /// Reads nothing yet.
    init(file: String, contents: [UInt8]? = nil, environment: [String: String]) {
        self.file = file
        self.contents = contents
        self.environment = environment
        document = AbsolutePath(file, in: .workingFolder)
    }

    /// The absolute path of the file.
    var documentPath: String { document.text }

    /// Relative paths start at the file's own folder.
    func absolutePath(_ path: String) -> String { AbsolutePath(path, in: document.parent).text }

    /// Records that this version defines a key.
    func know(_ trail: KeyTrail) { knownKeys.insert(trail.pattern) }

    /// Records the line of a value, for ``places``.
    func locate(_ trail: KeyTrail, line: Int?) { lines[trail.path] = line }

    /// The lines of all values that have been read.
    var places: ConfigurationPlaces { ConfigurationPlaces(file: file, lines: lines) }

    /// Records a file or secret that a value names. It is not read before ``checkReferences()``.
    /// - Parameter check: returns why it cannot be used; nil if it can.
    func refer(from reader: NodeReader, check: @escaping () -> Complaint?) {
        references.append((reader, check))
    }

    /// Checks every file and secret that values name, and reports those that cannot be used.
    func checkReferences() {
        for (reader, check) in references {
            if let complaint = check() { reader.report(complaint) }
        }
    }

    /// - Parameter place: nil if the file as a whole is at fault.
    func report(_ message: String, at trail: KeyTrail = .root, place: Place?) {
        let problem = ConfigurationProblem(
            place: ConfigurationPlace(file: file, line: place?.line, keyPath: trail.path), message: message)
        findings.append((place ?? Place(line: 0, column: 0), problem))
    }

    /// In the order of the document; at the same place, in the order in which they were found.
    var problems: [ConfigurationProblem] {
        findings.enumerated().sorted { one, other in
            let (first, second) = (one.element.place, other.element.place)
            return (first.line, first.column, one.offset) < (second.line, second.column, other.offset)
        }.map(\.element.problem)
    }
}
