#include "cre2.h"

#include <re2/re2.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

struct ls_re2 {
    std::unique_ptr<re2::RE2> expression;
    std::vector<std::string> names;
};

extern "C" ls_re2 *ls_re2_new(const char *pattern, size_t length, int case_insensitive,
                              int64_t memory_bytes, char *error, size_t error_capacity) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_case_sensitive(!case_insensitive);
    options.set_max_mem(memory_bytes);
    auto expression =
        std::make_unique<re2::RE2>(re2::StringPiece(pattern, length), options);
    if (!expression->ok()) {
        if (error_capacity > 0) snprintf(error, error_capacity, "%s", expression->error().c_str());
        return nullptr;
    }
    auto *made = new ls_re2;
    made->names.resize(expression->NumberOfCapturingGroups() + 1);
    for (const auto &entry : expression->CapturingGroupNames()) {
        made->names[entry.first] = entry.second;
    }
    made->expression = std::move(expression);
    return made;
}

extern "C" void ls_re2_free(ls_re2 *expression) { delete expression; }

extern "C" int ls_re2_group_count(const ls_re2 *expression) {
    return expression->expression->NumberOfCapturingGroups();
}

extern "C" const char *ls_re2_group_name(const ls_re2 *expression, int index) {
    if (index < 1 || index >= static_cast<int>(expression->names.size())) return nullptr;
    const std::string &name = expression->names[index];
    return name.empty() ? nullptr : name.c_str();
}

extern "C" int ls_re2_match(const ls_re2 *expression, const char *text, size_t length,
                            ls_span *groups, int group_capacity) {
    constexpr int most = 32;
    re2::StringPiece found[most];
    int count = expression->expression->NumberOfCapturingGroups() + 1;
    if (count > group_capacity) count = group_capacity;
    if (count > most) count = most;
    if (!expression->expression->Match(re2::StringPiece(text, length), 0, length,
                                       re2::RE2::UNANCHORED, found, count)) {
        return 0;
    }
    for (int i = 0; i < count; ++i) groups[i] = {found[i].data(), found[i].size()};
    for (int i = count; i < group_capacity; ++i) groups[i] = {nullptr, 0};
    return 1;
}
