#include "common/models/principal_components.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

namespace mesh::models {
namespace {

using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Doubles = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Rows that are doubles at a time: all of them would be twice the memory of what is asked.
constexpr Eigen::Index kBlock = 1024;

}  // namespace

Result<std::vector<float>> project_on_principal_components(std::span<const float> rows, int width,
                                                           int dimension) {
  const Eigen::Map<const Floats> data(
      rows.data(), static_cast<Eigen::Index>(rows.size() / static_cast<std::size_t>(width)), width);
  if (!data.allFinite()) {
    return fail(ErrorKind::invalid, "the vectors hold numbers that are not finite");
  }
  Eigen::RowVectorXd mean = Eigen::RowVectorXd::Zero(width);
  for (Eigen::Index i = 0; i < data.rows(); ++i) mean += data.row(i).cast<double>();
  mean /= static_cast<double>(std::max<Eigen::Index>(data.rows(), 1));
  const auto centred = [&](Eigen::Index from) {
    Doubles block = data.middleRows(from, std::min(kBlock, data.rows() - from)).cast<double>();
    block.rowwise() -= mean;
    return block;
  };

  // Not divided by the number of rows, which changes no direction.
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(width, width);
  for (Eigen::Index i = 0; i < data.rows(); i += kBlock)
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(centred(i).transpose());
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance);
  if (solver.info() != Eigen::Success) {
    return fail(ErrorKind::invalid, "the vectors' covariance has no eigenvectors");
  }
  // The solver has them by rising variance.
  Eigen::MatrixXd components = solver.eigenvectors().rowwise().reverse().leftCols(dimension);
  for (auto component : components.colwise()) {
    Eigen::Index largest = 0;
    component.cwiseAbs().maxCoeff(&largest);
    if (component(largest) < 0) component = -component;
  }

  std::vector<float> projected(static_cast<std::size_t>(data.rows() * dimension));
  Eigen::Map<Floats> out(projected.data(), data.rows(), dimension);
  for (Eigen::Index i = 0; i < data.rows(); i += kBlock) {
    const Doubles block = centred(i);
    out.middleRows(i, block.rows()) = (block * components).cast<float>();
  }
  return projected;
}

}  // namespace mesh::models
