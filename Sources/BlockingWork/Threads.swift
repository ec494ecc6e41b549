import Glibc

// BlockingWork: what must run neither on an event loop nor in a task.
//
// Event loops answer requests and run their tasks; all other tasks share a thread for each core. A call that blocks has a
// thread of its own instead: startThread for what lasts as long as the process, FileReaders for the files of a whole configuration,
// BlockingReads for one that is read on the way. Files may hang forever: open(2) on a mount whose server is gone.

/// Runs `body` on a new thread, which ends with it.
/// - Parameter name: at most 15 bytes, for people who look at the threads of a process.
/// - Returns: false if the system has no thread left; `body` is then not run.
package func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
    var thread = pthread_t()
    let work = unsafe Unmanaged.passRetained(ThreadWork(name: name, body: body))
    let status = unsafe pthread_create(
        &thread, nil,
        { work in
            if let work = unsafe work { unsafe Unmanaged<ThreadWork>.fromOpaque(work).takeRetainedValue().run() }
            return nil
        }, work.toOpaque())
    guard status == 0 else {
        unsafe work.release()
        return false
    }
    pthread_detach(thread)
    return true
}

private final class ThreadWork: Sendable {
    private let name: String
    private let body: @Sendable () -> Void

    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }

    func run() {
        let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        if file >= 0 {
            _ = unsafe write(file, name, name.utf8.count)
            close(file)
        }
        body()
    }
}
