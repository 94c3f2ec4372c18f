#include "common/domain/task_order.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace mesh {

TaskInLine in_line(const Task& task, bool held) {
  return {task.id,         task.kind, tenant_of(task),  target_of(task),
          task.created_at, held,      reported_at(task)};
}

const TaskInLine* next_in_line(std::span<const TaskInLine> line, const WantedTask& wanted) {
  std::set<std::string_view> targets;
  std::map<std::string_view, int> tenants;
  for (const TaskInLine& task : line) {
    if (!task.held) continue;
    if (!task.target.empty()) targets.insert(task.target);
    if (!task.tenant.empty()) ++tenants[task.tenant];
  }
  const auto is_free = [&](const TaskInLine& task) {
    if (task.held || targets.contains(task.target) || wanted.except.contains(task.id)) return false;
    if (task.reported_at >= wanted.reported_before) return false;
    if (!wanted.only.empty() && task.id != wanted.only) return false;
    if (std::ranges::find(wanted.kinds, task.kind) == wanted.kinds.end()) return false;
    const auto of_tenant = tenants.find(task.tenant);
    return wanted.per_tenant == 0 || of_tenant == tenants.end() ||
           of_tenant->second < wanted.per_tenant;
  };
  const TaskInLine* oldest = nullptr;
  for (const TaskInLine& task : line) {
    if (!is_free(task)) continue;
    if (oldest == nullptr ||
        std::tie(task.created_at, task.id) < std::tie(oldest->created_at, oldest->id)) {
      oldest = &task;
    }
  }
  return oldest;
}

}  // namespace mesh
