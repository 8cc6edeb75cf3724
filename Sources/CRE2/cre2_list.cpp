#include "cre2.h"

#include <re2/re2.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <vector>

namespace {

struct Entry {
    re2::StringPiece pattern;
    bool case_insensitive = false;
    /// Null until first needed. The thread that loses the race throws its copy away.
    std::atomic<re2::RE2 *> compiled{nullptr};

    ~Entry() { delete compiled.load(std::memory_order_relaxed); }
};

std::unique_ptr<re2::RE2> compile(const Entry &entry, int64_t memory_bytes) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(!entry.case_insensitive);
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
    std::unique_ptr<re2::RE2> made;
    for (int attempt = 0; attempt < 3; ++attempt, memory_bytes *= 4) {
        options.set_max_mem(memory_bytes);
        made = std::make_unique<re2::RE2>(entry.pattern, options);
        if (made->ok() || made->error_code() != re2::RE2::ErrorPatternTooLarge) break;
    }
    return made;
}

}  // namespace

struct ls_re2_list {
    std::unique_ptr<Entry[]> entries;
    size_t capacity = 0;
    size_t count = 0;
    int64_t memory_bytes = 0;
    std::atomic<size_t> compiled{0};

    const re2::RE2 *expression(size_t index) {
        Entry &entry = entries[index];
        re2::RE2 *known = entry.compiled.load(std::memory_order_acquire);
        if (known != nullptr) return known;
        std::unique_ptr<re2::RE2> made = compile(entry, memory_bytes);
        if (!entry.compiled.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
            return known;
        }
        compiled.fetch_add(1, std::memory_order_relaxed);
        return made.release();
    }
};

extern "C" ls_re2_list *ls_re2_list_new(size_t capacity, int64_t memory_bytes) {
    auto *list = new ls_re2_list;
    list->entries = std::make_unique<Entry[]>(capacity);
    list->capacity = capacity;
    list->memory_bytes = memory_bytes;
    return list;
}

extern "C" void ls_re2_list_free(ls_re2_list *list) { delete list; }

extern "C" int ls_re2_list_add(ls_re2_list *list, const char *pattern, size_t length,
                               int case_insensitive) {
    if (list->count == list->capacity) return -1;
    Entry &entry = list->entries[list->count];
    entry.pattern = re2::StringPiece(pattern, length);
    entry.case_insensitive = case_insensitive != 0;
    return static_cast<int>(list->count++);
}

extern "C" int ls_re2_list_match(ls_re2_list *list, size_t index, const char *text, size_t length,
                                 ls_span *groups, int group_capacity) {
    constexpr int most = 16;
    if (index >= list->count) return -1;
    const re2::RE2 *expression = list->expression(index);
    if (!expression->ok()) return -1;
    re2::StringPiece found[most];
    int count = expression->NumberOfCapturingGroups() + 1;
    if (count > group_capacity) count = group_capacity;
    if (count > most) count = most;
    if (!expression->Match(re2::StringPiece(text, length), 0, length, re2::RE2::UNANCHORED, found,
                           count)) {
        return 0;
    }
    for (int i = 0; i < count; ++i) groups[i] = {found[i].data(), found[i].size()};
    for (int i = count; i < group_capacity; ++i) groups[i] = {nullptr, 0};
    return 1;
}

extern "C" int ls_re2_list_check(const ls_re2_list *list, size_t index, char *error,
                                 size_t error_capacity) {
    if (index >= list->count) return 0;
    std::unique_ptr<re2::RE2> made = compile(list->entries[index], list->memory_bytes);
    if (made->ok()) return 1;
    if (error_capacity > 0) snprintf(error, error_capacity, "%s", made->error().c_str());
    return 0;
}

extern "C" size_t ls_re2_list_compiled(const ls_re2_list *list) {
    return list->compiled.load(std::memory_order_relaxed);
}
