import CSystem

/// A fixed number of plain cells, in pages that remember whether they changed since they were last
/// stored. All bits zero is a cell that holds nothing.
///
/// What is known of all users together has to be bounded, and stored with every commit: of a table like
/// this only the pages that changed are.
final class CellTable<Cell: BitwiseCopyable> {
    let count: Int
    private let cells: UnsafeMutablePointer<Cell>
    private let isDirty: UnsafeMutablePointer<Bool>
    private let bytes: Int
    let pageCount: Int

    init(count: Int) {
        self.count = count
        bytes = count * MemoryLayout<Cell>.stride
        pageCount = (bytes + OrganizationPage.bytes - 1) / OrganizationPage.bytes
        // Whole pages, so that each can be read and written as one.
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: pageCount * OrganizationPage.bytes, alignment: 64)
        memory.initializeMemory(
            as: UInt8.self, repeating: 0, count: pageCount * OrganizationPage.bytes)
        cells = memory.bindMemory(to: Cell.self, capacity: count)
        isDirty = .allocate(capacity: pageCount)
        isDirty.initialize(repeating: false, count: pageCount)
    }

    deinit {
        UnsafeMutableRawPointer(cells).deallocate()
        isDirty.deallocate()
    }

    /// Read only; `change` tells that it is changed.
    subscript(i: Int) -> UnsafeMutablePointer<Cell> {
        @inline(__always) get { cells + i }
    }

    @inline(__always)
    func prefetch(_ i: Int, lines: Int = 1) {
        let cell = UnsafeRawPointer(cells + i)
        for line in 0..<lines { ls_prefetch(cell + 64 * line) }
    }

    /// A cell that is about to change.
    @inline(__always)
    func change(_ i: Int) -> UnsafeMutablePointer<Cell> {
        let start = i &* MemoryLayout<Cell>.stride
        let page = start / OrganizationPage.bytes
        isDirty[page] = true
        let last = (start &+ MemoryLayout<Cell>.stride &- 1) / OrganizationPage.bytes
        if last != page { isDirty[last] = true }
        return cells + i
    }

    /// All cells are about to change.
    func changeAll() -> UnsafeMutablePointer<Cell> {
        for page in 0..<pageCount { isDirty[page] = true }
        return cells
    }

    func page(_ number: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: UnsafeMutableRawPointer(cells) + number * OrganizationPage.bytes,
            count: OrganizationPage.bytes)
    }

    /// Hands out the pages that changed.
    func eachDirtyPage(_ body: (Int, UnsafeRawBufferPointer) throws -> Void) rethrows {
        for number in 0..<pageCount where isDirty[number] {
            try body(number, UnsafeRawBufferPointer(page(number)))
        }
    }

    func stored() { for number in 0..<pageCount { isDirty[number] = false } }
}

/// A piece of what is known of all users, as it is stored.
public enum OrganizationPage {
    public static let bytes = 16 << 10
}
