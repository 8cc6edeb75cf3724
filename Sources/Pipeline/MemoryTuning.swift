import CSystem

/// How the C library gives out memory while a run is on.
enum MemoryTuning {
    /// Profiles are many small blocks that grow, all of which go at once: memory that was given back
    /// to the system after each commit would be asked for again in the next moment, page by page.
    static func apply() {
        _ = mallopt(M_TRIM_THRESHOLD, 512 << 20)
        _ = mallopt(M_TOP_PAD, 8 << 20)
        _ = mallopt(M_MMAP_THRESHOLD, 64 << 20)
    }
}
