#!/bin/bash
# Run synthgen as a Slurm job array, and release in one further job.
#
#   bash slurm.sh clinic.yaml      submits both jobs
#
# Set SYNTHGEN_KEY_PASSPHRASE before, which the release needs; Slurm passes the variable on.
# The workspace, the ledger, the source, the keys and this configuration must be in a folder that all machines share,
# and all machines need the same processors or GPUs. All parts must be able to run at the same time.
#SBATCH --job-name=synthgen
#SBATCH --cpus-per-task=16
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --requeue
set -eu
umask 077
PARTS=8 # number of tasks of the array
config=$1

if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
  export LOKY_MAX_CPU_COUNT="$SLURM_CPUS_PER_TASK"
  exec synthgen run "$config" --part "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" --wait
elif [ -n "${SLURM_JOB_ID:-}" ]; then
  exec synthgen release "$config"
fi
job=$(sbatch --parsable --array="0-$((PARTS - 1))" "$0" "$config")
sbatch --dependency="afterok:$job" "$0" "$config"
