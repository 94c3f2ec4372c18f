#include "cli/commands/deploy/leftovers.h"

#include <algorithm>
#include <set>

#include "cli/commands/deploy/secrets.h"
#include "cli/program.h"
#include "cli/retry.h"
#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::cli::deploy {
namespace {

constexpr Duration kBetweenListings{1'000};
constexpr const char* kStorageClass = "storageclass/";

std::vector<std::string> names_of(const Json& list) {
  std::vector<std::string> names;
  const Json& items = at_path(list, "items");
  if (!items.is_array()) return names;
  for (const Json& item : items) names.push_back(plain_text(at_path(item, "metadata.name")));
  return names;
}

// Not before what it is made for: a class is needed until its volumes are gone, the Secret by pods.
bool is_last(const std::string& title) {
  return title.starts_with("namespace/") || title.starts_with(kStorageClass) ||
         title == kSecretTitle;
}

// Without a kind the names are titles.
Status remove_named(const Cluster& cluster, const std::string& kind,
                    const std::vector<std::string>& names, Duration patience, Step& step) {
  if (names.empty()) return {};
  std::vector<std::string> words{"delete"};
  if (!kind.empty()) words.push_back(kind);
  words.insert(words.end(), names.begin(), names.end());
  words.insert(words.end(),
               {"--ignore-not-found", "--wait", "--timeout=" + format_duration(patience)});
  return cluster.run(words, {}, {.log = step.log});
}

// Once the cluster is gone nobody deletes the disk behind a volume any more.
Status await_volumes_gone(Session& session, const Cluster& cluster, const Leftovers& left,
                          Duration patience) {
  const auto give_up = session.clock.steady() + patience;
  for (;;) {
    const Json volumes = MESH_TRY(cluster.get({"persistentvolumes"}));
    const auto there = names_of(volumes);
    std::vector<std::string> still;
    std::ranges::copy_if(left.volumes, std::back_inserter(still), [&](const auto& volume) {
      return std::ranges::find(there, volume) != there.end();
    });
    if (still.empty()) return {};
    if (session.clock.steady() > give_up) {
      return fail(ErrorKind::timeout, "these volumes are still there after " +
                                          format_duration(patience) + ": " + join(still, ", "));
    }
    if (!nap(kBetweenListings)) return fail(ErrorKind::cancelled, "interrupted");
  }
}

Result<Json> aws(const Deployment& d, std::vector<std::string> words) {
  words.insert(words.begin(), "aws");
  words.insert(words.end(), {"--region", d.region, "--output", "json"});
  const auto ended = MESH_TRY(run_program({.words = words}));
  if (ended.code != 0)
    return fail(ErrorKind::conflict,
                "aws " + words[1] + " " + words[2] + ": " + last_lines(ended.err, 2));
  // A call that changes something may answer nothing.
  if (trim(ended.out).empty()) return Json::object();
  return parse_json(ended.out, {.max_depth = 32, .max_bytes = std::size_t{64} << 20});
}

// Titles of the storage classes that claims of other namespaces name: those would find no class any
// more.
Result<std::set<std::string>> classes_of_others(const Cluster& cluster) {
  std::set<std::string> classes;
  const Json claims = MESH_TRY(cluster.get({"persistentvolumeclaims", "--all-namespaces"}));
  for (const Json& claim : at_path(claims, "items")) {
    if (at_path(claim, "metadata.namespace") != Json(cluster.name_space()))
      classes.insert(kStorageClass + plain_text(at_path(claim, "spec.storageClassName")));
  }
  return classes;
}

}  // namespace

Result<Leftovers> leftovers_of(const Cluster& cluster, const Deployment& d,
                               const std::vector<Object>& objects) {
  Leftovers left;
  const bool whole_name_space = d.made_name_space();
  const Json claims = MESH_TRY(cluster.get({"persistentvolumeclaims"}));
  for (auto& claim : names_of(claims)) {
    const bool ours = is_claim_of(objects, claim) && !d.found_claims.contains(claim);
    if (whole_name_space || ours) left.claims.push_back(std::move(claim));
  }
  const Json volumes = MESH_TRY(cluster.get({"persistentvolumes"}));
  for (const Json& volume : at_path(volumes, "items")) {
    const Json& claim = at_path(volume, "spec.claimRef.name");
    if (at_path(volume, "spec.claimRef.namespace") != Json(cluster.name_space()) ||
        std::ranges::find(left.claims, plain_text(claim)) == left.claims.end()) {
      continue;
    }
    const bool goes = at_path(volume, "spec.persistentVolumeReclaimPolicy") == Json("Delete");
    (goes ? left.volumes : left.kept).push_back(plain_text(at_path(volume, "metadata.name")));
  }
  const Json services = MESH_TRY(cluster.get({"services"}));
  for (const Json& service : at_path(services, "items")) {
    const std::string name = plain_text(at_path(service, "metadata.name"));
    const bool ours = d.made.contains("service/" + name);
    if (at_path(service, "spec.type") == Json("LoadBalancer") && (whole_name_space || ours))
      left.balancers.push_back(name);
  }
  return left;
}

Status empty_cluster(Session& session, const Target& target, const Leftovers& left,
                     Duration patience, Step& step) {
  const Deployment& d = target.deployment;
  const Cluster cluster = target.cluster();
  // Also what the manifests had once: the settings of each rollout before.
  std::vector<std::string> first, last;
  for (const auto& title : d.made) (is_last(title) ? last : first).push_back(title);
  if (std::ranges::any_of(last,
                          [](const auto& title) { return title.starts_with(kStorageClass); })) {
    const auto used = MESH_TRY(classes_of_others(cluster));
    std::erase_if(last, [&](const std::string& title) {
      if (used.contains(title))
        session.out.note("  stays, since other namespaces use it: " + title);
      return used.contains(title);
    });
  }
  // While a controller lives that can take its cloud's load balancer and disks away.
  MESH_TRY(remove_named(cluster, "service", left.balancers, patience, step));
  MESH_TRY(remove_named(cluster, {}, first, patience, step));
  MESH_TRY(remove_named(cluster, "persistentvolumeclaim", left.claims, patience, step));
  MESH_TRY(await_volumes_gone(session, cluster, left, patience));
  MESH_TRY(remove_named(cluster, {}, last, patience, step));
  step.done = std::to_string(d.made.size()) + " objects, " + std::to_string(left.claims.size()) +
              " volume claims, " + std::to_string(left.balancers.size()) + " load balancers gone";
  return {};
}

namespace {

// What bears the tag of the cluster, of whichever namespace.
Result<Json> tagged_volumes(const Deployment& d) {
  const Json found =
      MESH_TRY(aws(d, {"ec2", "describe-volumes", "--filters",
                       "Name=tag:kubernetes.io/cluster/" + d.name + ",Values=owned"}));
  const Json& volumes = at_path(found, "Volumes");
  return volumes.is_array() ? volumes : Json::array();
}

std::string volume_text(const Json& volume) {
  return "volume " + plain_text(at_path(volume, "VolumeId")) + ", " +
         plain_text(at_path(volume, "Size")) + " GiB, " + plain_text(at_path(volume, "State"));
}

}  // namespace

Status tell_volumes(Session& session, const Deployment& d) {
  for (const Json& volume : MESH_TRY(tagged_volumes(d)))
    session.out.note("goes with its data: " + volume_text(volume));
  return {};
}

Status remove_volumes(Session& session, const Deployment& d, Step& step) {
  std::int64_t gone = 0;
  for (const Json& volume : MESH_TRY(tagged_volumes(d))) {
    session.out.note("  " + volume_text(volume));
    (void)MESH_TRY(
        aws(d, {"ec2", "delete-volume", "--volume-id", plain_text(at_path(volume, "VolumeId"))}));
    ++gone;
  }
  step.done = gone == 0 ? "none" : std::to_string(gone) + " were left, and are deleted";
  return {};
}

}  // namespace mesh::cli::deploy
