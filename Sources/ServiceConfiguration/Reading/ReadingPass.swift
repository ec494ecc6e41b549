/// One reading of one file: what it needs from outside, and what it finds.
final class ReadingPass {
    /// The file as the caller named it.
    let file: String
    let environment: [String: String]
    private let document: AbsolutePath
    private var findings: [(place: Place, problem: ConfigurationProblem)] = []
    private var references: [(reader: NodeReader, check: () throws(Complaint) -> Void)] = []
    private var lines: [String: Int] = [:]
    /// Every key that a reader asked for, as ``KeyTrail/pattern``.
    private(set) var knownKeys: Set<String> = []

    struct Place {
        let line: Int
        let column: Int
    }

    init(file: String, environment: [String: String]) {
        self.file = file
        self.environment = environment
        document = AbsolutePath(file, in: .workingFolder)
    }

    var documentPath: String { document.text }

    /// Relative paths start at the file's own folder.
    func absolutePath(_ path: String) -> String { AbsolutePath(path, in: document.parent).text }

    func know(_ trail: KeyTrail) { knownKeys.insert(trail.pattern) }

    func note(_ trail: KeyTrail, line: Int?) { lines[trail.path] = line }

    var places: ConfigurationPlaces { ConfigurationPlaces(file: file, lines: lines) }

    /// Records a file or secret that a value names. Nobody looks at it before ``checkReferences()``.
    func refer(from reader: NodeReader, check: @escaping () throws(Complaint) -> Void) {
        references.append((reader, check))
    }

    /// Looks at every file and secret that the values named, and reports those that cannot be used.
    func checkReferences() {
        for (reader, check) in references {
            do throws(Complaint) { try check() } catch { reader.report(error) }
        }
    }

    func report(_ message: String, at trail: KeyTrail = .root, place: Place?) {
        let problem = ConfigurationProblem(
            place: ConfigurationPlace(file: file, line: place?.line, keyPath: trail.path), message: message)
        findings.append((place ?? Place(line: 0, column: 0), problem))
    }

    /// In document order; where two stand at one place, in the order they were found.
    var problems: [ConfigurationProblem] {
        findings.enumerated().sorted { one, other in
            let (first, second) = (one.element.place, other.element.place)
            return (first.line, first.column, one.offset) < (second.line, second.column, other.offset)
        }.map(\.element.problem)
    }
}
