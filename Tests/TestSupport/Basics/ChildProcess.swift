import Foundation

/// A program that ends when this process does.
///
/// A shell stands between the two: it starts the program, tells its identifier, and reads a pipe that only this process
/// holds open. When the pipe closes, by ``kill()`` or by the death of this process, the shell kills the program.
/// First of all it closes what it got from this process: SwiftNIO's sockets are not closed on exec, and a port stays taken for as
/// long as any process has its socket.
struct ChildProcess: Sendable {
    private static let watcher = #"""
        for path in /proc/self/fd/*; do number=${path##*/}; ((number > 2)) && exec {number}>&-; done
        exec 2>>"$1"; out=$1 in=$2; shift 2; "$@" <"$in" >>"$out" & echo $!; read _; kill -KILL $! 2>/dev/null; wait $!
        """#

    let identifier: pid_t
    private let shell: pid_t
    private let lifeline: CInt

    /// - Parameters:
    ///   - inputFile: what the program reads from standard input.
    ///   - outputFile: takes what the program prints, errors included.
    static func start(
        _ program: String, _ arguments: [String], input inputFile: String = "/dev/null",
        output outputFile: String = "/dev/null"
    ) throws -> ChildProcess {
        let path = try find(program)
        let lifeline = try pipe()
        let output = try pipe()
        defer { close(output.read) }
        let shell = try spawn(
            ["/bin/bash", "-c", watcher, "bash", outputFile, inputFile, path] + arguments, input: lifeline.read,
            output: output.write)
        close(lifeline.read)
        close(output.write)
        return ChildProcess(identifier: try readIdentifier(output.read), shell: shell, lifeline: lifeline.write)
    }

    private static func spawn(_ words: [String], input: CInt, output: CInt) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        // Threads of the cooperative pool block signals, and a shell that inherited that would wait for ever.
        var attributes = posix_spawnattr_t()
        var noSignals = sigset_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let strings = words.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var process: pid_t = 0
        let status = posix_spawn(&process, words[0], &actions, &attributes, strings, environ)
        guard status == 0 else { throw ProgramFailure(description: "\(words[0]) does not start: error \(status)") }
        return process
    }

    var isRunning: Bool { Glibc.kill(identifier, 0) == 0 && !isZombie }

    func signal(_ number: CInt) {
        _ = Glibc.kill(identifier, number)
    }

    /// Must be called once, by the owner; returns when program and shell are gone.
    /// - Returns: the program's exit status; 128 and the number of the signal where one ended it.
    @discardableResult
    func kill() -> Int {
        close(lifeline)
        var status: CInt = 0
        while waitpid(shell, &status, 0) < 0 && errno == EINTR {}
        return Int(status >> 8 & 0xFF)
    }

    /// The shell waits for the pipe, so a program that ended by itself stays a zombie until then.
    private var isZombie: Bool {
        guard let line = try? String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8) else { return true }
        return line.contains(") Z ")
    }

    /// Nil if it is not on `PATH`.
    static func path(of program: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin"
        let candidates = path.split(separator: ":").map { "\($0)/\(program)" }
        return candidates.first(where: FileManager.default.isExecutableFile)
    }

    private static func find(_ program: String) throws -> String {
        if program.contains("/") { return program }
        guard let found = path(of: program) else {
            throw ProgramFailure(description: "\(program) is not on PATH, and these tests need it")
        }
        return found
    }

    /// Closed on exec from the start (which pipes are not), so that no other child holds a lifeline open.
    private static func pipe() throws -> (read: CInt, write: CInt) {
        var ends: [CInt] = [0, 0]
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw SocketFailure(code: errno) }
        return (ends[0], ends[1])
    }

    private static func readIdentifier(_ descriptor: CInt) throws -> pid_t {
        var text = ""
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { text.unicodeScalars.append(.init(byte)) }
        guard let identifier = pid_t(text) else { throw ProgramFailure(description: "/bin/bash told no process") }
        return identifier
    }
}
