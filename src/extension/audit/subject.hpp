// What the ids in the first argument of a function identify.
#pragma once

namespace wc::audit {

enum class Subject {
    None,     // the function is asked for no student by id: a search, a count of many
    Student,  // the first argument is the id of a student
    Students,
    Records,
};

}  // namespace wc::audit
