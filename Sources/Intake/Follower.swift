import Glibc

/// Waits for several growing inputs at once.
///
/// Uses inotify where there is, and looks by itself each second in any case: no notification is
/// trusted alone, and network file systems send none.
public final class Follower {
    public enum Wake: Sendable, Equatable {
        /// Ask each reader for chunks.
        case look
        /// Time is up: ask each reader all the same.
        case timeout
        /// The given descriptor became readable.
        case interrupted
    }

    private let readers: [FollowReader]
    private let wakeDescriptor: Int32
    private let notify: Int32
    private var watched: Set<Int32> = []
    private var folderWatches: Set<Int32> = []
    private var names: Set<String> = []
    /// Longest wait between two looks, in milliseconds.
    private static let longest = 1000

    /// `wakeDescriptor` (an eventfd or the end of a pipe; -1 for none) ends a wait when it can be read;
    /// it is not read here.
    public init(readers: [FollowReader], wakeDescriptor: Int32 = -1) {
        self.readers = readers
        self.wakeDescriptor = wakeDescriptor
        notify = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        for reader in readers {
            if case .file(let path) = reader.input {
                names.insert(
                    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path)
            }
        }
    }

    deinit { if notify >= 0 { close(notify) } }

    /// Returns when something may have come, after `timeoutMilliseconds` (a second at most), or when
    /// the wake descriptor can be read, which comes first.
    public func wait(timeoutMilliseconds: Int) -> Wake {
        let hasNew = addWatches()
        var requests: [pollfd] = []
        let inputEvents = Int16(POLLIN)
        requests.append(pollfd(fd: wakeDescriptor, events: inputEvents, revents: 0))
        requests.append(pollfd(fd: notify, events: inputEvents, revents: 0))
        let hasInput = readers.contains { $0.isWaitingForStandardInput }
        requests.append(pollfd(fd: hasInput ? 0 : -1, events: inputEvents, revents: 0))
        let limit = hasNew ? 0 : max(0, min(timeoutMilliseconds, Follower.longest))
        let end = Follower.milliseconds() + Int64(limit)
        while true {
            let left = max(0, end - Follower.milliseconds())
            for i in requests.indices { requests[i].revents = 0 }
            let count = poll(&requests, nfds_t(requests.count), Int32(left))
            if count < 0, errno != EINTR { return .timeout }
            if requests[0].revents != 0 { return .interrupted }
            if requests[2].revents != 0 { return .look }
            if requests[1].revents != 0, takeEvents() { return .look }
            if hasNew { return .look }
            if Follower.milliseconds() >= end { return .timeout }
        }
    }

    /// True when a file is watched that was not before: what was written until now raises no event.
    private func addWatches() -> Bool {
        guard notify >= 0 else { return false }
        var hasNew = false
        for reader in readers {
            guard case .file(let path) = reader.input else { continue }
            let file = inotify_add_watch(
                notify, path,
                UInt32(IN_MODIFY) | UInt32(IN_ATTRIB) | UInt32(IN_MOVE_SELF)
                    | UInt32(IN_DELETE_SELF))
            if file >= 0, watched.insert(file).inserted { hasNew = true }
            let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
            let watch = inotify_add_watch(notify, folder, UInt32(IN_CREATE) | UInt32(IN_MOVED_TO))
            if watch >= 0, folderWatches.insert(watch).inserted { hasNew = true }
        }
        return hasNew
    }

    /// Reads what inotify has. Whether any of it concerns a followed file.
    private func takeEvents() -> Bool {
        let size = 16 << 10
        let buffer = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        defer { buffer.deallocate() }
        var isOurs = false
        while true {
            let count = read(notify, buffer, size)
            guard count > 0 else { return isOurs }
            var at = 0
            while at + MemoryLayout<inotify_event>.size <= count {
                let event = (buffer + at).load(as: inotify_event.self)
                let start = at + MemoryLayout<inotify_event>.size
                at = start + Int(event.len)
                if event.mask & UInt32(IN_IGNORED) != 0 {
                    watched.remove(event.wd)
                    folderWatches.remove(event.wd)
                }
                if !folderWatches.contains(event.wd) {
                    isOurs = true
                } else if event.len > 0 {
                    let name = UnsafeRawBufferPointer(start: buffer + start, count: Int(event.len))
                    isOurs =
                        isOurs
                        || names.contains(String(decoding: name.prefix { $0 != 0 }, as: UTF8.self))
                }
            }
        }
    }

    private static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
