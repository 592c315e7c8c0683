export { type LabOptions, type RunningLab, startLab } from './lab.ts'
