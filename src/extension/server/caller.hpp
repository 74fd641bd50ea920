// Who calls a function, and on whose behalf it works.
#pragma once
#include "extension/server/boundary.hpp"

namespace wc {

/// Reports an error unless a superuser runs the function.  For functions that act as somebody else: the extension's own
/// functions call them, which run with its owner's rights, and nobody else may.
void require_superuser();

/// Runs `work` with the rights of a role, which it cannot leave.  If an error ends `work`, the end of the transaction
/// or of the savepoint brings the role back that was there before.
template <typename Work>
void as_role(Oid role, Work work)
{
    static_assert(std::is_trivially_destructible_v<Work>, "a jump would skip the destructors of captures");
    Oid before = InvalidOid;
    int context = 0;
    GetUserIdAndSecContext(&before, &context);
    SetUserIdAndSecContext(role, context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
    work();
    SetUserIdAndSecContext(before, context);
}

}  // namespace wc
